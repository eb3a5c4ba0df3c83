/**
 * A create request turned into a network's record: Docker's checks, pools chosen, options filled in. Nothing is done.
 *
 * In: NetworkCreate, what exists. Out: Network, or DaemonError with Docker's words. May import: pools, options.
 */
import { randomBytes } from 'node:crypto';
import type { DefaultBridgeSetting, DriverOptions } from '../../config/types.js';
import { DaemonError } from '../../errors.js';
import type { Prefix } from '../addresses/addresses.js';
import { type AddressPool, checkIpamConfig, choosePools } from '../addresses/pools.js';
import type { IpamPoolConfig, Network, NetworkCreate, NetworkDriver } from '../types.js';
import { optionNames, parseBoolean } from './options.js';

/** Always there; they can be neither made nor removed. */
export const predefinedNetworks: readonly string[] = ['bridge', 'host', 'none'];

/** Only user-defined networks have names; the default bridge knows links in /etc/hosts instead. */
export const hasNames = (network: Network | undefined): boolean =>
  network !== undefined && !predefinedNetworks.includes(network.name);

export interface Existing {
  drivers: ReadonlyMap<string, NetworkDriver>;
  find(name: string): Network | undefined;
  subnets(): readonly Prefix[];
  routes: readonly Prefix[];
  pools: readonly AddressPool[];
}

const noSwarm =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const isEmpty = (value: object | undefined): boolean => Object.keys(value ?? {}).length === 0;

/** A network of settings only, and one that takes its settings from such, say nothing the other half says. */
function checkConfigNetworks(request: NetworkCreate): void {
  const { ConfigOnly, ConfigFrom, IPAM } = request;
  if (ConfigOnly && (request.Ingress || request.Internal || request.Attachable || request.Scope))
    throw new DaemonError(
      'forbidden',
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (!ConfigFrom?.Network) return;
  if (ConfigOnly)
    throw new DaemonError(
      'forbidden',
      'a configuration network cannot depend on another configuration network',
    );
  const ownIpam =
    (IPAM?.Driver ?? 'default') !== 'default' || !isEmpty(IPAM?.Options) || IPAM?.Config?.length;
  if (ownIpam || wantsIPv6(request) || !wantsIPv4(request) || !isEmpty(request.Labels))
    throw new DaemonError(
      'forbidden',
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  if (!isEmpty(request.Options))
    throw new DaemonError(
      'forbidden',
      'network driver options are not supported if the network depends on a configuration network',
    );
}

/** What can be told without looking at the host. */
export function checkRequest(
  request: NetworkCreate,
  existing: Pick<Existing, 'drivers' | 'find'>,
): NetworkDriver {
  if (predefinedNetworks.includes(request.Name) || request.Name === 'default')
    throw new DaemonError('forbidden', `operation is not permitted on predefined ${request.Name} network `);
  if (request.Driver === 'overlay') throw new DaemonError('forbidden', noSwarm);
  if (request.Name.trim() === '') throw new DaemonError('invalid', 'invalid name: name is empty');
  // They are printed in tables and logs, a line each.
  if (/\p{Cc}/u.test(request.Name))
    throw new DaemonError(
      'invalid',
      'invalid name: control characters are not allowed in the name of a network',
    );
  if (existing.find(request.Name)?.name === request.Name)
    throw new DaemonError('conflict', `network with name ${request.Name} already exists`);
  checkConfigNetworks(request);
  if (request.Ingress) throw new DaemonError('forbidden', 'Ingress network can only be global scope network');
  if (request.Scope === 'swarm')
    throw new DaemonError('forbidden', 'cannot create a swarm scoped network when swarm is not active');
  if (request.Scope && request.Scope !== 'local') throw new DaemonError('forbidden', noSwarm);
  const driver = existing.drivers.get(request.ConfigOnly ? 'null' : request.Driver || 'bridge');
  if (!driver) throw new DaemonError('notFound', `plugin "${request.Driver}" not found`);
  const ipam = request.IPAM?.Driver;
  if (ipam && ipam !== 'default' && ipam !== 'null')
    throw new DaemonError('notFound', `plugin "${ipam}" not found`);
  return driver;
}

/** A field, or the driver option that is older than it. */
function familySwitch(field: boolean | undefined, request: NetworkCreate, name: string, absent: boolean) {
  const text = request.Options?.[name];
  if (field !== undefined || text === undefined) return field ?? absent;
  const value = parseBoolean(text);
  if (value === undefined) throw new DaemonError('invalid', `driver-opt "${name}" is not a valid bool`);
  return value;
}

const wantsIPv4 = (request: NetworkCreate): boolean =>
  familySwitch(request.EnableIPv4, request, optionNames.enableIPv4, true);
const wantsIPv6 = (request: NetworkCreate): boolean =>
  familySwitch(request.EnableIPv6, request, optionNames.enableIPv6, false);

/** The daemon's own options for networks of a driver; one that takes another's settings has those. */
export function withDefaultOptions(request: NetworkCreate, defaults: DriverOptions): NetworkCreate {
  if (request.ConfigFrom?.Network) return request;
  return { ...request, Options: { ...defaults[request.Driver || 'bridge'], ...request.Options } };
}

/** `--config-from`: the settings of that network with what only this one can say. */
function withConfigOf(request: NetworkCreate, existing: Pick<Existing, 'find'>): NetworkCreate {
  const name = request.ConfigFrom?.Network;
  if (!name) return request;
  const source = existing.find(name);
  if (source?.name !== name || !source.configOnly)
    throw new DaemonError('notFound', `configuration network "${name}" does not exist`);
  return {
    ...request,
    EnableIPv4: source.enableIPv4,
    EnableIPv6: source.enableIPv6,
    IPAM: { Driver: source.ipam.Driver, Config: source.ipam.Config, Options: source.ipam.Options ?? {} },
    Options: source.options,
    Labels: source.labels,
  };
}

function planPools(
  request: NetworkCreate,
  existing: Existing,
  driver: NetworkDriver,
  families: { enableIPv4: boolean; enableIPv6: boolean },
): IpamPoolConfig[] {
  const configs = (request.IPAM?.Config ?? []).map(withoutEmpty);
  checkIpamConfig(configs, families.enableIPv6);
  if (request.ConfigOnly) return configs;
  if (!driver.addresses || request.IPAM?.Driver === 'null') return [];
  return choosePools({
    configs,
    ...families,
    networks: existing.subnets(),
    routes: existing.routes,
    pools: existing.pools,
    gateway: driver.gateways?.(request) ?? { 4: true, 6: true },
  });
}

export function planNetwork(asked: NetworkCreate, existing: Existing): Network {
  const driver = checkRequest(asked, existing);
  const request = withConfigOf(asked, existing);
  const families = { enableIPv4: wantsIPv4(request), enableIPv6: wantsIPv6(request) };
  const network: Network = {
    id: randomBytes(32).toString('hex'),
    name: request.Name,
    driver: driver.name,
    internal: request.Internal === true || driver.isolated?.(request) === true,
    attachable: request.Attachable ?? false,
    ...families,
    ipam: {
      Driver: request.IPAM?.Driver || 'default',
      Options: request.IPAM?.Options ?? {},
      Config: planPools(request, existing, driver, families),
    },
    askedPools: (request.IPAM?.Config ?? []).map(withoutEmpty),
    options: request.Options ?? {},
    labels: request.Labels ?? {},
    created: new Date().toISOString(),
    ...(request.ConfigOnly ? { configOnly: true } : {}),
    ...(request.ConfigFrom?.Network ? { configFrom: request.ConfigFrom.Network } : {}),
  };
  if (!network.configOnly) driver.validate(network);
  return network;
}

/** Clients send absent fields as "" and {}. */
function withoutEmpty(config: IpamPoolConfig): IpamPoolConfig {
  const { Subnet, IPRange, Gateway, AuxiliaryAddresses } = config;
  return {
    ...(Subnet ? { Subnet } : {}),
    ...(IPRange ? { IPRange } : {}),
    ...(Gateway ? { Gateway } : {}),
    ...(AuxiliaryAddresses && !isEmpty(AuxiliaryAddresses) ? { AuxiliaryAddresses } : {}),
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
