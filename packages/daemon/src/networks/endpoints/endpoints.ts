/**
 * What a container will get on a network, decided before anything is done: checks, addresses, MAC, names.
 *
 * In: a network, the container's wishes. Out: an Endpoint, its addresses taken. May import: addresses, records.
 */
import { randomBytes } from 'node:crypto';
import { isWord } from '../../dns/names.js';
import { DaemonError } from '../../errors.js';
import { type Address, contains, type Family, parseAddress, parsePrefix } from '../addresses/addresses.js';
import type { AddressSpace } from '../addresses/ipam.js';
import { isUnicast, parseMac, randomMac } from '../addresses/mac.js';
import { joinProblems } from '../addresses/pools.js';
import { hasNames, predefinedNetworks } from '../records/create.js';
import { isInterfaceName, optionNames } from '../records/options.js';
import type { Endpoint, EndpointRequest, Network } from '../types.js';

const isUnspecified = ({ value }: Address): boolean => value === 0n;

function problemsOfWish(wish: string | undefined, family: Family, network: Network | undefined): string[] {
  if (!wish) return [];
  const address = parseAddress(wish);
  if (address?.family !== family || isUnspecified(address)) return [`invalid IPv${family} address: ${wish}`];
  if (!network) return [];
  // Only subnets that the user chose are his to give addresses of.
  const asked = (network.askedPools ?? network.ipam.Config)
    .map(({ Subnet = '' }) => parsePrefix(Subnet))
    .filter((subnet) => subnet?.family === family);
  if (asked.length === 0)
    return [
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    ];
  if (asked.some((subnet) => contains(subnet!, address))) return [];
  return [`no configured subnet or ip-range contain the IP address ${wish}`];
}

/** Name and value of `--driver-opt com.docker.network.endpoint.sysctls=…`; undefined for what is none. */
function parseEndpointSysctl(text: string): { parts: string[]; value: string } | undefined {
  const match = /^net\.(ipv4|ipv6|mpls)\.([a-z_]+)\.ifname\.(\w+)=(.*)$/i.exec(text);
  return match ? { parts: [match[1]!, match[2]!, match[3]!], value: match[4]! } : undefined;
}

const sysctlTexts = ({ DriverOpts }: EndpointRequest): string[] =>
  DriverOpts?.[optionNames.endpointSysctls]?.split(',') ?? [];

/** Below /proc/sys, with the interface's name in its place. */
export const endpointSysctls = (
  request: EndpointRequest,
  interfaceName: string,
): { path: string; value: string }[] =>
  sysctlTexts(request).flatMap((text) => {
    const sysctl = parseEndpointSysctl(text);
    if (!sysctl) return [];
    const [family, group, name] = sysctl.parts;
    return [{ path: `net/${family}/${group}/${interfaceName}/${name}`, value: sysctl.value }];
  });

function problemsOf(network: Network | undefined, userDefined: boolean, request: EndpointRequest): string[] {
  const { IPv4Address, IPv6Address, LinkLocalIPs } = request.IPAMConfig ?? {};
  const problems: string[] = [];
  if (!userDefined && (IPv4Address || IPv6Address))
    problems.push('user specified IP address is supported on user defined networks only');
  if (!userDefined && request.Aliases?.length)
    problems.push('network-scoped alias is supported only for containers in user defined networks');
  problems.push(
    ...problemsOfWish(IPv4Address, 4, userDefined ? network : undefined),
    ...problemsOfWish(IPv6Address, 6, userDefined ? network : undefined),
  );
  const { Aliases, Links } = request;
  for (const [field, names] of Object.entries({ Aliases, Links }))
    for (const text of names ?? [])
      if (text !== '' && !isWord(text)) problems.push(`invalid ${field}: ${JSON.stringify(text)}`);
  for (const text of LinkLocalIPs ?? []) {
    const address = parseAddress(text);
    if (!address || isUnspecified(address)) problems.push(`invalid link-local IP address: ${text}`);
  }
  for (const text of sysctlTexts(request))
    if (!parseEndpointSysctl(text))
      problems.push(
        `unrecognised network interface sysctl '${text}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
      );
  return problems;
}

/** Throws what Docker says to settings that the network, if there is one yet, cannot honour; takes nothing. */
export function checkEndpoint(
  { network, name }: { network: Network | undefined; name: string },
  request: EndpointRequest,
): void {
  if (network?.configOnly)
    throw new DaemonError('forbidden', 'cannot create endpoint on configuration-only network');
  const mac = parseMac(request.MacAddress ?? '');
  if (request.MacAddress && !mac)
    throw new DaemonError('invalid', `invalid MAC address ${request.MacAddress}`);
  if (mac && !isUnicast(mac))
    throw new DaemonError('invalid', `invalid MAC address ${mac}: an interface needs a unicast address`);
  const interfaceName = request.DriverOpts?.[optionNames.endpointInterface];
  if (interfaceName !== undefined && !isInterfaceName(interfaceName))
    throw new DaemonError('invalid', `invalid interface name ${JSON.stringify(interfaceName)}`);
  const userDefined = network ? hasNames(network) : !predefinedNetworks.includes(name);
  const problems = problemsOf(network, userDefined, request);
  if (problems.length > 0)
    throw new DaemonError('invalid', `invalid endpoint settings:\n${joinProblems(problems)}`);
}

export interface EndpointPlan {
  network: Network;
  space: AddressSpace;
  container: { id: string; name: string; hostname: string };
  request: EndpointRequest;
  attachment: 'veth' | 'tap';
  /** The driver hands out addresses. */
  addresses: boolean;
  /** The container has IPv6 at all. */
  ipv6: boolean;
}

/** Takes the addresses; `releaseEndpoint` gives them back. */
export function planEndpoint(plan: EndpointPlan): Endpoint {
  const { network, space, container, request, addresses } = plan;
  checkEndpoint({ network, name: network.name }, request);
  const endpointId = randomBytes(32).toString('hex');
  const four = addresses && network.enableIPv4 ? space.take(4, request.IPAMConfig?.IPv4Address) : undefined;
  let six: ReturnType<AddressSpace['take']>;
  try {
    six =
      addresses && plan.ipv6 && network.enableIPv6
        ? space.take(6, request.IPAMConfig?.IPv6Address)
        : undefined;
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

/** Container name, aliases, short ID, what it calls itself; each once. */
export const namesOf = (
  { id, name, hostname }: { id: string; name: string; hostname: string },
  { Aliases }: EndpointRequest,
): readonly string[] => [...new Set([name, ...(Aliases ?? []), id.slice(0, 12), hostname])];

export function releaseEndpoint(space: AddressSpace, endpoint: Endpoint): void {
  if (endpoint.address) space.release(endpoint.address);
  if (endpoint.address6) space.release(endpoint.address6);
}
