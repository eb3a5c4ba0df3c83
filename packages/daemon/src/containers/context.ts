/**
 * What the operations on containers share: the areas below, the records, who watches.
 *
 * In: dependencies. Out: one value that create, start, exit, stop, remove work on. May import: areas below.
 */
import type { DaemonConfig } from '../config/types.js';
import type { EventSink } from '../events/types.js';
import type { Images, Layers } from '../images/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import type { Networks } from '../networks/types.js';
import type { Mounts } from '../volumes/types.js';
import type { WorkloadRuntime } from '../workload/types.js';
import type { AppArmor } from './app-armor/app-armor.js';
import type { Locks } from './lifecycle/locks.js';
import type { Waiters } from './lifecycle/waiters.js';
import type { Records } from './records/records.js';
import type { Registry } from './records/registry.js';
import type { Host } from './spec/host.js';
import type { Container, ContainerObserver } from './types.js';

export interface ContainerDependencies {
  config: DaemonConfig;
  layout: Layout;
  log: Logger;
  events: EventSink;
  images: Images;
  layers: Layers;
  networks: Networks;
  mounts: Mounts;
  runtimes: ReadonlyMap<string, WorkloadRuntime>;
  host: Host;
  appArmor: AppArmor;
}

/** What is known of a container only while this daemon runs. */
export interface Live {
  /** Waits for the next start. */
  restartTimer?: NodeJS.Timeout;
  pauseMs: number;
  /** A restart in progress keeps `--rm` from removing. */
  keep: boolean;
  removing: boolean;
  startedAtMs: number;
}

export interface Context extends ContainerDependencies {
  registry: Registry;
  records: Records;
  locks: Locks;
  waiters: Waiters;
  observers: ContainerObserver[];
  live(id: string): Live;
  forgetLive(id: string): void;
  /** Set when the daemon stops: nothing is restarted any more. */
  stopping: boolean;
  runtimeOf(container: Container): WorkloadRuntime;
}

/** The process exists: running, paused, or (with restarting) between two lives it does not. */
export const isUp = ({ state }: Container): boolean =>
  state.status === 'running' || state.status === 'paused';

export function publish(
  { events }: Pick<Context, 'events'>,
  container: Container,
  action: string,
  extra: Record<string, string> = {},
): void {
  events.publish('container', action, {
    ID: container.id,
    Attributes: { ...container.config.Labels, image: container.config.Image, name: container.name, ...extra },
  });
}

/** Runs all, then fails with the first failure: nothing continues behind the caller's back. */
export async function allSettled<T extends readonly unknown[]>(
  promises: readonly [...{ [K in keyof T]: Promise<T[K]> }],
): Promise<T> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/** Numbers of `docker info`. */
export function countContainers(all: readonly Container[]): {
  running: number;
  paused: number;
  stopped: number;
} {
  const count = (...statuses: Container['state']['status'][]) =>
    all.filter(({ state }) => statuses.includes(state.status)).length;
  const [running, paused] = [count('running', 'restarting'), count('paused')];
  return { running, paused, stopped: all.length - running - paused };
}
