/**
 * `docker network connect` and `disconnect`: the record, and the sandbox when the container runs.
 *
 * In: network names, endpoint settings. Out: endpoints. May import: networks, the parts beside it.
 */
import { DaemonError } from '../../errors.js';
import type { EndpointRequest, Network } from '../../networks/types.js';
import { containerOf } from '../configuration/modes.js';
import { type Context, isUp } from '../context.js';
import type { Container } from '../types.js';
import { etcDirectory } from './etc-files.js';

/** The key under which `endpoints` knows the network. */
function keyOf({ endpoints, state }: Container, { id, name }: Network): string | undefined {
  const isMeant = (key: string): boolean => {
    const meant = state.networkIds?.[key] ?? endpoints[key]?.NetworkID;
    return meant ? meant === id : key === name || key === id;
  };
  return Object.keys(endpoints).find(isMeant);
}

const shared = (): DaemonError =>
  new DaemonError(
    'conflict',
    'container sharing network namespace with another container or host cannot be connected to any other network',
  );

const ofHost = (): DaemonError =>
  new DaemonError(
    'invalid',
    'container cannot be disconnected from host network or connected to host network',
  );

function checkChangeable(container: Container): void {
  if (container.state.status === 'removing' || container.state.status === 'dead')
    throw new DaemonError(
      'conflict',
      `container ${container.id} is marked for removal and cannot be connected or disconnected to the network`,
    );
}

/** Which networks go together. */
function checkTogether(container: Container, network: Network): void {
  const others = Object.keys(container.endpoints);
  if (network.name === 'host' && container.hostConfig.NetworkMode !== 'host') throw ofHost();
  if (others.includes('host') || (network.name === 'host' && others.length > 0)) throw shared();
  if ((network.name === 'none' && others.length > 0) || others.includes('none'))
    throw new DaemonError(
      'invalid',
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
}

function findNetwork(context: Context, name: string): Network | undefined {
  try {
    return context.networks.get(name);
  } catch (error) {
    if (error instanceof DaemonError && error.kind === 'notFound') return undefined;
    throw error;
  }
}

/** For `force`: no endpoint outlives its container here, so there is none to remove. */
export function noEndpointOf(context: Context, container: string, network: string): DaemonError {
  context.networks.get(network);
  return new DaemonError('notFound', `endpoint ${container} not found`);
}

/** Under the container's lock. */
export async function connectNetwork(
  context: Context,
  container: Container,
  name: string,
  request: EndpointRequest,
): Promise<void> {
  checkChangeable(container);
  if (containerOf(container.hostConfig.NetworkMode) !== undefined) throw shared();
  const network = context.networks.get(name);
  context.networks.checkEndpoint(network, request);
  const known = keyOf(container, network) !== undefined;
  if (known && !isUp(container)) return;
  if (known)
    throw new DaemonError(
      'forbidden',
      `endpoint with name ${container.name} already exists in network ${network.name}`,
    );
  checkTogether(container, network);
  if (isUp(container)) {
    await context.networks.connect(container.id, network.id, request);
    await etcDirectory(context, container, context.networks.find(container.id));
  }
  container.endpoints[network.name] = request;
  container.state.networkIds = { ...container.state.networkIds, [network.name]: network.id };
  await context.records.save(container);
}

/** Under the container's lock. `force`: also from a network that is gone. */
export async function disconnectNetwork(
  context: Context,
  container: Container,
  name: string,
  force: boolean,
): Promise<void> {
  checkChangeable(container);
  const network = isUp(container) && !force ? context.networks.get(name) : findNetwork(context, name);
  const live = network !== undefined && isUp(container);
  if (live && network.name === 'host' && container.hostConfig.NetworkMode === 'host') throw ofHost();
  // A container that does not run leaves what it has under the name, whichever network that was.
  const key = (network && keyOf(container, network)) ?? (live ? undefined : (network?.name ?? name));
  if (key === undefined || container.endpoints[key] === undefined)
    throw new DaemonError(
      'forbidden',
      `container ${container.id} is not connected to ${live ? '' : 'the '}network ${network?.name ?? name}`,
    );
  if (live) {
    await context.networks.disconnect(container.id, network.id);
    await etcDirectory(context, container, context.networks.find(container.id));
  }
  delete container.endpoints[key];
  delete container.state.networkIds?.[key];
  await context.records.save(container);
}
