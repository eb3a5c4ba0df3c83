/**
 * `docker network connect` and `disconnect`: the record, and the sandbox when the container runs.
 *
 * In: network names, endpoint settings. Out: endpoints. May import: networks, the parts beside it.
 */
import { DaemonError } from '../errors.js';
import type { EndpointRequest } from '../networks/types.js';
import { type Context, isUp } from './context.js';
import { etcDirectory } from './etc-files.js';
import { containerOf } from './modes.js';
import type { Container } from './types.js';

const same = (context: Context, key: string, id: string): boolean =>
  context.networks
    .list()
    .some((network) => network.id === id && (network.name === key || network.id === key));

/** The key under which `endpoints` knows the network. */
const keyOf = (context: Context, container: Container, id: string): string | undefined =>
  Object.keys(container.endpoints).find((key) => same(context, key, id));

function checkChangeable(container: Container): void {
  if (container.state.status === 'removing' || container.state.status === 'dead')
    throw new DaemonError(
      'conflict',
      `container ${container.id} is marked for removal and cannot be connected or disconnected to the network`,
    );
  if (containerOf(container.hostConfig.NetworkMode) !== undefined)
    throw new DaemonError(
      'conflict',
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
}

/** Under the container's lock. */
export async function connectNetwork(
  context: Context,
  container: Container,
  name: string,
  request: EndpointRequest,
): Promise<void> {
  checkChangeable(container);
  const network = context.networks.get(name);
  if (keyOf(context, container, network.id) !== undefined)
    throw new DaemonError(
      'forbidden',
      `endpoint with name ${container.name} already exists in network ${network.name}`,
    );
  const others = Object.keys(container.endpoints);
  if (network.name === 'host' || others.includes('host'))
    throw new DaemonError(
      'invalid',
      'container cannot be disconnected from host network or connected to host network',
    );
  if ((network.name === 'none' && others.length > 0) || others.includes('none'))
    throw new DaemonError(
      'invalid',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
  if (isUp(container)) {
    await context.networks.connect(container.id, network.id, request);
    await etcDirectory(context, container, context.networks.find(container.id));
  }
  container.endpoints[network.name] = request;
  await context.records.save(container);
}

/** Under the container's lock. */
export async function disconnectNetwork(context: Context, container: Container, name: string): Promise<void> {
  checkChangeable(container);
  const network = context.networks.get(name);
  const key = keyOf(context, container, network.id);
  if (network.name === 'host' && container.hostConfig.NetworkMode === 'host')
    throw new DaemonError(
      'invalid',
      'container cannot be disconnected from host network or connected to host network',
    );
  if (key === undefined)
    throw new DaemonError(
      'forbidden',
      `container ${container.id} is not connected to network ${network.name}`,
    );
  if (isUp(container)) {
    await context.networks.disconnect(container.id, network.id);
    await etcDirectory(context, container, context.networks.find(container.id));
  }
  delete container.endpoints[key];
  await context.records.save(container);
}
