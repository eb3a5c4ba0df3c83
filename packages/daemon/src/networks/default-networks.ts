/**
 * The networks that are always there: `bridge`, `host`, `none`. The default bridge follows the daemon's settings.
 *
 * In: settings, what is on record. Out: records. May import: create, pools.
 */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { formatAddress, formatPrefix, masked, type Prefix, parsePrefix } from './addresses.js';
import { type DefaultBridge, defaultBridgeOptions } from './create.js';
import { type AddressPool, choosePools } from './pools.js';
import type { IpamPoolConfig, Network } from './types.js';

export interface DefaultNetworkSettings {
  bridge: DefaultBridge;
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
function wantedPools(bridge: DefaultBridge): IpamPoolConfig[] {
  const pools: IpamPoolConfig[] = [];
  const own = parsePrefix(bridge.address ?? '');
  const fixed = parsePrefix(bridge.fixedCidr ?? '');
  if (own)
    pools.push({
      Subnet: formatPrefix(masked(own)),
      Gateway: bridge.defaultGateway ?? formatAddress(own),
      ...(fixed ? { IPRange: formatPrefix(masked(fixed)) } : {}),
    });
  else if (fixed)
    pools.push({
      Subnet: formatPrefix(masked(fixed)),
      ...(bridge.defaultGateway ? { Gateway: bridge.defaultGateway } : {}),
    });
  const six = parsePrefix(bridge.fixedCidrV6 ?? '');
  if (bridge.ipv6 && six) pools.push({ Subnet: formatPrefix(masked(six)) });
  return pools;
}

/** The default networks that have to be written: new, or the default bridge when its settings changed. */
export function planDefaultNetworks(
  settings: DefaultNetworkSettings,
  find: (name: string) => Network | undefined,
  networks: readonly Prefix[],
  routes: readonly Prefix[],
): Network[] {
  const planned: Network[] = [];
  if (!find('host')) planned.push(plain('host', 'host'));
  if (!find('none')) planned.push(plain('none', 'null'));
  const { bridge } = settings;
  if (bridge.name === 'none') return planned;
  const known = find('bridge');
  const options = defaultBridgeOptions(bridge, settings);
  const configs = wantedPools(bridge);
  const keep =
    known !== undefined &&
    known.enableIPv6 === bridge.ipv6 &&
    configs.every((config) =>
      known.ipam.Config.some((pool) => isDeepStrictEqual({ ...pool, ...config }, pool)),
    );
  if (keep && isDeepStrictEqual(known.options, options)) return planned;
  const Config = keep
    ? known.ipam.Config
    : choosePools({
        configs,
        enableIPv4: true,
        enableIPv6: bridge.ipv6,
        networks: networks.filter(
          (prefix) => !known?.ipam.Config.some(({ Subnet }) => Subnet === formatPrefix(prefix)),
        ),
        routes: routes.filter(
          (prefix) => !known?.ipam.Config.some(({ Subnet }) => Subnet === formatPrefix(prefix)),
        ),
        pools: settings.pools,
        gateway: true,
      });
  planned.push({
    ...(known ?? plain('bridge', 'bridge')),
    enableIPv6: bridge.ipv6,
    ipam: { Driver: 'default', Options: null, Config },
    options,
  });
  return planned;
}
