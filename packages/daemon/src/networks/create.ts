/**
 * A create request turned into a network's record: Docker's checks, pools chosen, options filled in. Nothing is done.
 *
 * In: NetworkCreate, what exists. Out: Network, or DaemonError with Docker's words. May import: pools, options.
 */
import { randomBytes } from 'node:crypto';
import type { DefaultBridgeSetting } from '../config/types.js';
import { DaemonError } from '../errors.js';
import type { Prefix } from './addresses.js';
import { optionNames } from './options.js';
import { type AddressPool, checkIpamConfig, choosePools } from './pools.js';
import type { IpamPoolConfig, Network, NetworkCreate, NetworkDriver } from './types.js';

/** Always there; they can be neither made nor removed. */
export const predefinedNetworks: readonly string[] = ['bridge', 'host', 'none'];

export interface Existing {
  drivers: ReadonlyMap<string, NetworkDriver>;
  find(name: string): Network | undefined;
  subnets(): readonly Prefix[];
  routes: readonly Prefix[];
  pools: readonly AddressPool[];
}

/** What can be told without looking at the host. */
export function checkRequest(
  request: NetworkCreate,
  existing: Pick<Existing, 'drivers' | 'find'>,
): NetworkDriver {
  if (predefinedNetworks.includes(request.Name) || request.Name === 'default')
    throw new DaemonError('forbidden', `operation is not permitted on predefined ${request.Name} network `);
  if (request.Name.trim() === '') throw new DaemonError('invalid', 'invalid name: name is empty');
  if (existing.find(request.Name)?.name === request.Name)
    throw new DaemonError('conflict', `network with name ${request.Name} already exists`);
  if (request.Ingress) throw new DaemonError('invalid', 'Ingress network can only be global scope network');
  if (request.Scope === 'swarm')
    throw new DaemonError('invalid', 'cannot create a swarm scoped network when swarm is not active');
  if (request.Driver === 'overlay')
    throw new DaemonError(
      'unavailable',
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  if (request.ConfigOnly || request.ConfigFrom?.Network)
    throw new DaemonError('notImplemented', 'configuration networks are not supported');
  const driver = existing.drivers.get(request.Driver || 'bridge');
  if (!driver) throw new DaemonError('notFound', `plugin "${request.Driver}" not found`);
  const ipam = request.IPAM?.Driver;
  if (ipam && ipam !== 'default' && ipam !== 'null')
    throw new DaemonError('notFound', `plugin "${ipam}" not found`);
  return driver;
}

/** Docker's `com.docker.network.enable_ipv6` is older than the field. */
const wantsIPv6 = (request: NetworkCreate): boolean =>
  request.EnableIPv6 ?? request.Options?.['com.docker.network.enable_ipv6'] === 'true';

export function planNetwork(request: NetworkCreate, existing: Existing): Network {
  const driver = checkRequest(request, existing);
  const enableIPv6 = wantsIPv6(request);
  const enableIPv4 = request.EnableIPv4 ?? true;
  const withoutPools = !driver.addresses || request.IPAM?.Driver === 'null';
  const configs = (request.IPAM?.Config ?? []).map(withoutEmpty);
  let config: IpamPoolConfig[] = [];
  if (!withoutPools) {
    checkIpamConfig(configs, enableIPv6);
    config = choosePools({
      configs,
      enableIPv4,
      enableIPv6,
      networks: existing.subnets(),
      routes: existing.routes,
      pools: existing.pools,
      gateway: true,
    });
  }
  const network: Network = {
    id: randomBytes(32).toString('hex'),
    name: request.Name,
    driver: driver.name,
    internal: request.Internal === true || driver.isolated?.(request) === true,
    attachable: request.Attachable ?? false,
    enableIPv4,
    enableIPv6,
    ipam: {
      Driver: request.IPAM?.Driver || 'default',
      Options: request.IPAM?.Options ?? {},
      Config: config,
    },
    options: request.Options ?? {},
    labels: request.Labels ?? {},
    created: new Date().toISOString(),
  };
  driver.validate(network);
  return network;
}

/** Clients send absent fields as "" and {}. */
function withoutEmpty(config: IpamPoolConfig): IpamPoolConfig {
  const { Subnet, IPRange, Gateway, AuxiliaryAddresses } = config;
  return {
    ...(Subnet ? { Subnet } : {}),
    ...(IPRange ? { IPRange } : {}),
    ...(Gateway ? { Gateway } : {}),
    ...(AuxiliaryAddresses && Object.keys(AuxiliaryAddresses).length > 0 ? { AuxiliaryAddresses } : {}),
  };
}

/** Options of the default bridge, as Docker shows them. */
export const defaultBridgeOptions = (
  bridge: DefaultBridgeSetting,
  daemon: { publishAddress: string; ipMasquerade: boolean },
): Record<string, string> => ({
  [optionNames.defaultBridge]: 'true',
  [optionNames.icc]: String(bridge.icc),
  [optionNames.masquerade]: String(daemon.ipMasquerade),
  [optionNames.bindingAddress]: daemon.publishAddress || '0.0.0.0',
  [optionNames.bridgeName]: bridge.name,
  [optionNames.mtu]: String(bridge.mtu || 1500),
});
