/**
 * What a container asks of the networks.
 *
 * In: its record. Out: SandboxRequest. May import: container and network types.
 */
import type { EndpointRequest, Sandbox, SandboxRequest } from '../../networks/types.js';
import type { Context } from '../context.js';
import type { Container, ContainerConfig } from '../types.js';
import { linkRequests } from './links.js';

/** dockerd's defaults in network namespaces of its own (daemon/oci_linux.go). */
const defaultSysctls: Readonly<Record<string, string>> = {
  'net.ipv4.ip_unprivileged_port_start': '0',
  'net.ipv4.ping_group_range': '0 2147483647',
};

/** Always there under their names; a new data root gives them other IDs. */
const predefined: readonly string[] = ['bridge', 'host', 'none'];

/** As dockerd: a network that was joined once is joined again by its ID. */
const withId = ({ state }: Container, key: string, request: EndpointRequest): EndpointRequest => {
  const id = predefined.includes(key) ? undefined : (state.networkIds?.[key] ?? request.NetworkID);
  const { NetworkID: _, ...rest } = request;
  return id ? { ...rest, NetworkID: id } : rest;
};

/** `ContainerState.networkIds` of what was joined. */
export const joinedIds = (
  { endpoints }: Container,
  sandbox: Sandbox | undefined,
): NonNullable<Container['state']['networkIds']> =>
  Object.fromEntries(
    Object.keys(endpoints).flatMap((key) => {
      const joined = Object.values(sandbox?.endpoints ?? {}).find(
        ({ networkName, networkId }) => networkName === key || networkId.startsWith(key),
      );
      return joined ? [[key, joined.networkId]] : [];
    }),
  );

/** The full name and its first part (libnetwork: buildHostsFile). */
export function hostNamesOf({ Hostname = '', Domainname = '' }: ContainerConfig): string[] {
  const full = Domainname === '' ? Hostname : `${Hostname}.${Domainname}`;
  const [short = ''] = full.split('.', 1);
  return short === '' || short === full ? [full] : [full, short];
}

export function sandboxRequest(
  context: Pick<Context, 'config' | 'runtimeOf'>,
  container: Container,
): SandboxRequest {
  const { config, hostConfig } = container;
  const endpoints = Object.fromEntries(
    Object.entries(container.endpoints).map(([key, request]) => [
      key,
      withId(container, key, key === 'bridge' ? { ...request, Links: linkRequests(container) } : request),
    ]),
  );
  const ownNamespace = !Object.hasOwn(endpoints, 'host');
  return {
    id: container.id,
    name: container.name,
    hostNames: hostNamesOf(config),
    hostname: config.Hostname!,
    endpoints,
    ports: hostConfig.PortBindings ?? {},
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    publishAll: hostConfig.PublishAllPorts ?? false,
    dns: {
      servers: hostConfig.Dns?.length ? hostConfig.Dns : context.config.dns,
      search: hostConfig.DnsSearch?.length ? hostConfig.DnsSearch : context.config.dnsSearch,
      options: hostConfig.DnsOptions?.length ? hostConfig.DnsOptions : context.config.dnsOptions,
    },
    sysctls: ownNamespace
      ? {
          ...defaultSysctls,
          ...Object.fromEntries(
            Object.entries(hostConfig.Sysctls ?? {}).filter(([name]) => name.startsWith('net.')),
          ),
        }
      : {},
    attachment: context.runtimeOf(container).features.attachment,
  };
}
