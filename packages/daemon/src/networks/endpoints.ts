/**
 * What a container will get on a network, decided before anything is done: checks, addresses, MAC, names.
 *
 * In: a network, the container's wishes. Out: an Endpoint, its addresses taken. May import: ipam, mac, names.
 */
import { randomBytes } from 'node:crypto';
import { DaemonError } from '../errors.js';
import type { AddressSpace } from './ipam.js';
import { parseMac, randomMac } from './mac.js';
import { hasNames } from './names.js';
import type { Endpoint, EndpointRequest, Network } from './types.js';

/** Throws what Docker says to settings that the network cannot honour; takes nothing. */
export function checkEndpoint(network: Network, request: EndpointRequest): void {
  const { IPv4Address, IPv6Address } = request.IPAMConfig ?? {};
  if (!hasNames(network)) {
    if (IPv4Address || IPv6Address)
      throw new DaemonError(
        'invalid',
        'user specified IP address is supported on user defined networks only',
      );
    if (request.Aliases?.length)
      throw new DaemonError(
        'invalid',
        'network-scoped alias is supported only for containers in user defined networks',
      );
  }
  if (request.MacAddress && !parseMac(request.MacAddress))
    throw new DaemonError('invalid', `invalid MAC address: ${request.MacAddress}`);
}

export interface EndpointPlan {
  network: Network;
  space: AddressSpace;
  container: { id: string; name: string };
  request: EndpointRequest;
  attachment: 'veth' | 'tap';
  /** The driver hands out addresses. */
  addresses: boolean;
}

/** Takes the addresses; `releaseEndpoint` gives them back. */
export function planEndpoint(plan: EndpointPlan): Endpoint {
  const { network, space, container, request, addresses } = plan;
  checkEndpoint(network, request);
  const endpointId = randomBytes(32).toString('hex');
  const four = addresses && network.enableIPv4 ? space.take(4, request.IPAMConfig?.IPv4Address) : undefined;
  let six: ReturnType<AddressSpace['take']>;
  try {
    six = addresses && network.enableIPv6 ? space.take(6, request.IPAMConfig?.IPv6Address) : undefined;
  } catch (error) {
    if (four) space.release(four.address);
    throw error;
  }
  return {
    networkId: network.id,
    networkName: network.name,
    endpointId,
    gateway: network.internal ? '' : (four?.gateway ?? ''),
    address: four?.address ?? '',
    prefixLength: four?.prefixLength ?? 0,
    ipv6Gateway: network.internal ? '' : (six?.gateway ?? ''),
    address6: six?.address ?? '',
    prefixLength6: six?.prefixLength ?? 0,
    macAddress: addresses ? (parseMac(request.MacAddress ?? '') ?? randomMac()) : '',
    hostInterface: network.driver === 'bridge' ? `${plan.attachment}${endpointId.slice(0, 7)}` : '',
    dnsNames: hasNames(network) ? namesOf(container, request) : [],
    request,
  };
}

/** Container name, aliases, short ID; each once. */
export const namesOf = (
  container: { id: string; name: string },
  request: EndpointRequest,
): readonly string[] => [...new Set([container.name, ...(request.Aliases ?? []), container.id.slice(0, 12)])];

export function releaseEndpoint(space: AddressSpace, endpoint: Endpoint): void {
  if (endpoint.address) space.release(endpoint.address);
  if (endpoint.address6) space.release(endpoint.address6);
}
