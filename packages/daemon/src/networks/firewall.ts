/**
 * Keeps the kernel's table equal to what bridges and ports need: changes one after the other, each atomic.
 *
 * In: bridges and ports that come and go. Out: one nftables table, or none. May import: linux/run, ruleset.
 */
import { CommandError, run } from '../linux/run.js';
import {
  type AllowedPort,
  type FirewallBridge,
  type PublishedPort,
  renderChange,
  renderRuleset,
} from './ruleset.js';

export interface PortRules {
  ports: readonly PublishedPort[];
  allowed: readonly AllowedPort[];
}

export interface Firewall {
  /** Adds the bridge, or replaces what was said of it. */
  setBridge(bridge: FirewallBridge): Promise<void>;
  removeBridge(name: string): Promise<void>;
  addPorts(rules: PortRules): Promise<void>;
  removePorts(rules: PortRules): Promise<void>;
  /** The whole table again, whatever was there. */
  restore(): Promise<void>;
  /** The table goes; what is known stays, so that `restore` brings it back. */
  clear(): Promise<void>;
}

const apply = async (text: string): Promise<void> => {
  await run(['nft', '-f', '-'], text);
};

export function createFirewall(table: string): Firewall {
  const bridges = new Map<string, FirewallBridge>();
  const ports = new Set<PublishedPort>();
  const allowed = new Set<AllowedPort>();
  let last: Promise<unknown> = Promise.resolve();

  /** Transactions see each other's result only when one follows the other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  const state = () => ({ bridges: [...bridges.values()], ports: [...ports], allowed: [...allowed] });
  const restoreNow = (): Promise<void> => apply(renderRuleset(table, state()));

  async function change(verb: 'add' | 'delete', rules: PortRules): Promise<void> {
    const text = renderChange(table, verb, rules.ports, rules.allowed);
    if (text === '') return;
    try {
      await apply(text);
    } catch (error) {
      // The table or an element is gone: somebody flushed it. The state is known, so all of it comes back.
      if (!(error instanceof CommandError)) throw error;
      await restoreNow();
    }
  }

  return {
    setBridge: (bridge) =>
      inTurn(async () => {
        bridges.set(bridge.interface, bridge);
        await restoreNow();
      }),
    removeBridge: (name) =>
      inTurn(async () => {
        if (bridges.delete(name)) await restoreNow();
      }),
    addPorts: (rules) =>
      inTurn(async () => {
        for (const port of rules.ports) ports.add(port);
        for (const port of rules.allowed) allowed.add(port);
        await change('add', rules);
      }),
    removePorts: (rules) =>
      inTurn(async () => {
        const known = {
          ports: rules.ports.filter((port) => ports.delete(port)),
          allowed: rules.allowed.filter((port) => allowed.delete(port)),
        };
        await change('delete', known);
      }),
    restore: () => inTurn(restoreNow),
    clear: () => inTurn(() => apply(`table inet ${table} { }\ndelete table inet ${table}\n`)),
  };
}
