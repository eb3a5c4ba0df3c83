/**
 * The start of the area: default networks on record, links and rules as recorded, nothing of ours without a record.
 *
 * In: records, settings. Out: the host's state. May import: default-networks, drivers, links.
 */

import { run } from '../linux/run.js';
import type { Logger } from '../log.js';
import { enableForwarding } from './drivers/bridge.js';
import { applyLinks, hostRoutes, listLinks } from './netlink/links.js';
import { type DefaultNetworkSettings, planDefaultNetworks } from './records/default-networks.js';
import type { Registry } from './records/registry.js';
import type { Network, NetworkDriver } from './types.js';

/** Removes bridges and parents that carry our mark, but those in `kept`. */
export async function removeOwnLinks(instance: string, kept: ReadonlySet<string>): Promise<void> {
  const own = (await listLinks()).filter(({ ifname, ifalias }) => ifalias === instance && !kept.has(ifname));
  await applyLinks(
    own.map(({ ifname }) => ['link', 'del', ifname]),
    { force: true },
  );
}

export interface StartDeps {
  settings: DefaultNetworkSettings & { instance: string; ipForward: boolean };
  registry: Registry;
  drivers: ReadonlyMap<string, NetworkDriver>;
  /** Containers of an earlier daemon may have addresses of it. */
  inUse(network: Network): boolean;
  failed(network: Network, error: unknown): void;
}

export async function startNetworks({
  settings,
  registry,
  drivers,
  inUse,
  failed,
}: StartDeps): Promise<void> {
  if (settings.ipForward) await enableForwarding(4);
  const routes = (await hostRoutes()).filter(({ device }) => device !== settings.bridge.name);
  for (const network of planDefaultNetworks(settings, { ...registry, routes, inUse })) {
    registry.add(network);
    await registry.write(network);
  }
  const bridge = registry.find('bridge');
  if (settings.bridge.name === 'none' && bridge) await registry.erase(bridge.id);
  const linkNames = registry
    .list()
    .flatMap((network) => drivers.get(network.driver)?.linkName?.(network) ?? []);
  await removeOwnLinks(settings.instance, new Set(linkNames));
  for (const driver of drivers.values())
    await driver.reconcile(
      registry.list().filter((network) => network.driver === driver.name),
      failed,
    );
}

/**
 * Says when another firewall drops what is forwarded: no rule of ours can allow what a rule of any table drops.
 * A look at the start, in the background.
 */
export async function warnOfForeignDrop(log: Logger): Promise<void> {
  for (const family of ['ip', 'ip6']) {
    const chain = await run(['nft', 'list', 'chain', family, 'filter', 'FORWARD']).catch(() => '');
    if (/hook forward .*policy drop/.test(chain))
      log.warn(
        { table: `${family} filter` },
        'another firewall drops forwarded packets: containers may not reach other hosts or each other (allow our bridges in it, or set its FORWARD policy to ACCEPT)',
      );
  }
}
