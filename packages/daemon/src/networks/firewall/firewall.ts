/**
 * Keeps the kernel's table equal to what bridges and ports need: changes one after the other, each atomic; what
 * others delete comes back.
 *
 * In: bridges and ports that come and go. Out: one nftables table, or none. May import: linux/run, nfnetlink,
 * ruleset, watch.
 */
import { run } from '../../linux/run.js';
import type { Logger } from '../../log.js';
import { forgetFlows } from './conntrack.js';
import { changeElements } from './nfnetlink.js';
import {
  type AllowedPort,
  elementsFor,
  type FirewallBridge,
  type PublishedPort,
  renderRuleset,
} from './ruleset.js';
import { watchTable } from './watch.js';

export interface PortRules {
  ports: readonly PublishedPort[];
  allowed: readonly AllowedPort[];
}

export interface Firewall {
  /** Adds the bridges, or replaces what was said of them. */
  setBridges(bridges: readonly FirewallBridge[]): Promise<void>;
  removeBridge(name: string): Promise<void>;
  addPorts(rules: PortRules): Promise<void>;
  removePorts(rules: PortRules): Promise<void>;
  /** The table stays and is watched no longer. */
  letGo(): void;
  /** The table goes and is watched no longer. */
  close(): Promise<void>;
}

/** A flush comes as many messages: one look when they have ended. */
const settleMs = 100;

const apply = async (text: string): Promise<void> => {
  await run(['nft', '-f', '-'], text);
};

export function createFirewall(table: string, log: Logger): Firewall {
  const bridges = new Map<string, FirewallBridge>();
  const ports = new Set<PublishedPort>();
  const allowed = new Set<AllowedPort>();
  let last: Promise<unknown> = Promise.resolve();
  let stopWatching: (() => void) | undefined;
  let pendingCheck: NodeJS.Timeout | undefined;
  /** The table without elements: the same for every state. */
  let structure: string | undefined;

  /** Transactions see each other's result only when one follows the other. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  }

  const describe = (): Promise<string | undefined> =>
    run(['nft', '--terse', 'list', 'table', 'inet', table]).catch(() => undefined);

  async function restore(): Promise<void> {
    const state = { bridges: [...bridges.values()], ports: [...ports], allowed: [...allowed] };
    await apply(renderRuleset(table, state));
    structure ??= await describe();
    stopWatching ??= watchTable(table, () => {
      pendingCheck ??= setTimeout(() => {
        pendingCheck = undefined;
        inTurn(check).catch((error: unknown) =>
          log.error({ err: error }, 'firewall rules cannot be restored'),
        );
      }, settleMs).unref();
    });
  }

  /** Our own changes are seen too: only a table that is not as it should be is made again. */
  async function check(): Promise<void> {
    if (!stopWatching || (await describe()) === structure) return;
    log.warn({ table }, 'firewall rules were deleted by another program and are restored');
    await restore();
  }

  async function change(verb: 'add' | 'delete', rules: PortRules): Promise<void> {
    const elements = elementsFor(rules.ports, rules.allowed);
    if (elements.length === 0) return;
    try {
      await changeElements(verb, table, elements);
    } catch (error) {
      // The table or an element is gone: the state is known, so all of it comes back.
      log.debug({ err: error }, 'firewall elements');
      await restore();
    }
    await forgetFlows(rules.ports, verb === 'add').catch((error: unknown) =>
      log.warn({ err: error }, 'old UDP flows keep their translation until they end'),
    );
  }

  function letGo(): void {
    stopWatching?.();
    stopWatching = undefined;
    clearTimeout(pendingCheck);
  }

  return {
    setBridges: (changed) =>
      inTurn(async () => {
        for (const bridge of changed) bridges.set(bridge.interface, bridge);
        await restore();
      }),
    removeBridge: (name) =>
      inTurn(async () => {
        if (bridges.delete(name) && stopWatching) await restore();
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
    letGo,
    close: () =>
      inTurn(async () => {
        letGo();
        await apply(`table inet ${table} { }\ndelete table inet ${table}\n`);
      }),
  };
}
