/**
 * The networks that are always there: `bridge`, `host`, `none`. The default bridge follows the daemon's settings.
 *
 * In: settings, what is on record. Out: records. May import: create, pools.
 */

import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { DefaultBridgeSetting } from '../../config/types.js';
import {
  formatAddress,
  formatPrefix,
  masked,
  overlaps,
  type Prefix,
  parsePrefix,
} from '../addresses/addresses.js';
import { gatewayNames } from '../addresses/ipam.js';
import { type AddressPool, choosePools } from '../addresses/pools.js';
import type { HostRoute } from '../netlink/links.js';
import type { IpamPoolConfig, Network } from '../types.js';
import { defaultBridgeOptions } from './create.js';

export interface DefaultNetworkSettings {
  bridge: DefaultBridgeSetting;
  publishAddress: string;
  ipMasquerade: boolean;
  pools: readonly AddressPool[];
}

const plain = (name: string, driver: string): Network => ({
  id: randomBytes(32).toString('hex'),
  name,
  driver,
  internal: false,
  attachable: false,
  enableIPv4: true,
  enableIPv6: false,
  ipam: { Driver: 'default', Options: null, Config: [] },
  options: {},
  labels: {},
  created: new Date().toISOString(),
});

/** What `--bip`, `--fixed-cidr`, `--default-gateway` say; nothing: a pool is chosen. */
function wantedPools(bridge: DefaultBridgeSetting): IpamPoolConfig[] {
  const pools: IpamPoolConfig[] = [];
  const own = parsePrefix(bridge.address ?? '');
  const router = bridge.defaultGateway
    ? { AuxiliaryAddresses: { [gatewayNames[4]]: bridge.defaultGateway } }
    : {};
  const fixed = parsePrefix(bridge.fixedCidr ?? '');
  if (own)
    pools.push({
      Subnet: formatPrefix(masked(own)),
      Gateway: formatAddress(own),
      ...(fixed ? { IPRange: formatPrefix(masked(fixed)) } : {}),
      ...router,
    });
  else if (fixed)
    pools.push({
      Subnet: formatPrefix(masked(fixed)),
      ...router,
    });
  const six = parsePrefix(bridge.fixedCidrV6 ?? '');
  if (bridge.ipv6 && six) pools.push({ Subnet: formatPrefix(masked(six)) });
  return pools;
}

/** The default networks that have to be written: new, or the default bridge when it no longer fits. */
export function planDefaultNetworks(
  settings: DefaultNetworkSettings,
  existing: {
    find(name: string): Network | undefined;
    subnets(): readonly Prefix[];
    /** Without those of the default bridge itself. */
    routes: readonly HostRoute[];
    /** Containers that still run have addresses of it. */
    inUse(network: Network): boolean;
  },
): Network[] {
  const planned: Network[] = [];
  if (!existing.find('host')) planned.push(plain('host', 'host'));
  if (!existing.find('none')) planned.push(plain('none', 'null'));
  const { bridge } = settings;
  if (bridge.name === 'none') return planned;
  const known = existing.find('bridge');
  const options = defaultBridgeOptions(bridge, settings);
  const configs = wantedPools(bridge);
  const routes = existing.routes.map(({ destination }) => destination);
  if (known && stillFits(known, bridge, configs, existing.inUse(known) ? [] : routes)) {
    if (!isDeepStrictEqual(known.options, options)) planned.push({ ...known, options });
    return planned;
  }
  const own = new Set(known?.ipam.Config.map(({ Subnet }) => Subnet));
  const Config = choosePools({
    configs,
    enableIPv4: true,
    enableIPv6: bridge.ipv6,
    networks: existing.subnets().filter((prefix) => !own.has(formatPrefix(prefix))),
    routes,
    pools: settings.pools,
    gateway: { 4: true, 6: true },
  });
  planned.push({
    ...(known ?? plain('bridge', 'bridge')),
    enableIPv6: bridge.ipv6,
    ipam: { Driver: 'default', Options: null, Config },
    options,
  });
  return planned;
}

/** The subnets on record are those asked for, and nobody else on the host took them meanwhile. */
function stillFits(
  known: Network,
  bridge: DefaultBridgeSetting,
  wanted: readonly IpamPoolConfig[],
  routes: readonly Prefix[],
): boolean {
  const pools = known.ipam.Config;
  if (known.enableIPv6 !== bridge.ipv6) return false;
  if (wanted.length > 0)
    return wanted.every((config) => pools.some((pool) => isDeepStrictEqual({ ...pool, ...config }, pool)));
  return !pools.some(({ Subnet = '' }) => {
    const subnet = parsePrefix(Subnet);
    return subnet !== undefined && routes.some((route) => overlaps(route, subnet));
  });
}
