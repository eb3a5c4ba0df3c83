/**
 * Runs the health checks of all running containers from one timer.
 *
 * In: containers' lives (an observer), probes. Out: health states, events. May import: types.
 */
import type { Logger } from '../../log.js';
import type { Container, ContainerObserver } from '../types.js';
import {
  type Health,
  type HealthPlan,
  type HealthResult,
  healthPlan,
  nextHealth,
  startingHealth,
  untilNextMs,
} from './state.js';

export interface HealthDependencies {
  /** Runs the command; never rejects. `signal` is aborted when nobody waits for the result any more. */
  probe(container: Container, plan: HealthPlan, signal: AbortSignal): Promise<HealthResult>;
  setHealth(id: string, health: Health): void;
  /** Publishes `health_status: <status>`. */
  changed(container: Container, status: Health['Status']): void;
  log: Logger;
}

interface Watched {
  container: Container;
  plan: HealthPlan;
  startedAtMs: number;
  dueMs: number;
  probing: AbortController | undefined;
}

/** Longest delay of a timer (32-bit signed milliseconds). */
const longestDelayMs = 2 ** 31 - 1;

export interface HealthMonitor extends ContainerObserver {
  close(): void;
}

export function createHealthMonitor({ probe, setHealth, changed, log }: HealthDependencies): HealthMonitor {
  const watched = new Map<string, Watched>();
  let timer: NodeJS.Timeout | undefined;

  function schedule(): void {
    clearTimeout(timer);
    timer = undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const entry of watched.values())
      if (entry.probing === undefined) earliest = Math.min(earliest, entry.dueMs);
    if (earliest === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(runDue, Math.min(longestDelayMs, Math.max(0, earliest - Date.now())));
  }

  function runDue(): void {
    const now = Date.now();
    for (const entry of watched.values())
      if (entry.probing === undefined && entry.dueMs <= now)
        void run(entry).catch((error: unknown) =>
          log.error({ container: entry.container.id, error: String(error) }, 'health'),
        );
    schedule();
  }

  async function run(entry: Watched): Promise<void> {
    const { container, plan } = entry;
    const abort = new AbortController();
    entry.probing = abort;
    const sinceStartMs = Date.now() - entry.startedAtMs;
    const result = await probe(container, plan, abort.signal);
    entry.probing = undefined;
    if (abort.signal.aborted || watched.get(container.id) !== entry) return;
    const before = container.state.health ?? startingHealth(container);
    const after = nextHealth(plan, before, result, sinceStartMs);
    setHealth(container.id, after);
    if (after.Status !== before.Status) changed(container, after.Status);
    entry.dueMs = Date.now() + untilNextMs(plan, after, Date.now() - entry.startedAtMs);
    schedule();
  }

  function stop(container: Container): void {
    const entry = watched.get(container.id);
    if (entry === undefined) return;
    watched.delete(container.id);
    entry.probing?.abort();
    schedule();
  }

  /** What is not checked is not healthy, as dockerd has it. */
  function halt(container: Container): void {
    const { health } = container.state;
    if (watched.has(container.id) && health !== undefined)
      setHealth(container.id, { ...health, Status: 'unhealthy' });
    stop(container);
  }

  return {
    running(container) {
      const plan = healthPlan(container.healthcheck ?? container.config.Healthcheck, container.config.Shell);
      if (plan === undefined) return;
      stop(container);
      const startedAtMs = Date.parse(container.state.startedAt);
      // A fresh start; unpaused and found at the daemon's start, a container keeps its state.
      const known = container.state.health;
      const last = known?.Log.at(-1);
      const goesOn = last !== undefined && Date.parse(last.End) >= startedAtMs;
      const health = goesOn && known !== undefined ? known : startingHealth(container);
      if (!goesOn) setHealth(container.id, health);
      const fromMs = goesOn ? Date.parse(last.End) : startedAtMs;
      const dueMs = fromMs + untilNextMs(plan, health, Date.now() - startedAtMs);
      watched.set(container.id, { container, plan, startedAtMs, dueMs, probing: undefined });
      schedule();
    },
    paused: halt,
    stopped: halt,
    close() {
      for (const { container } of [...watched.values()]) stop(container);
    },
  };
}
