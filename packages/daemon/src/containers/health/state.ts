/**
 * Health checks decided: what to run, when, and what a result means.
 *
 * In: a health check's options, results. Out: commands, times, states. May import: types.
 */
import type { HealthcheckConfig } from '../../images/types.js';
import type { Container, ContainerState } from '../types.js';

export type Health = NonNullable<ContainerState['health']>;
export type HealthResult = Health['Log'][number];

const nsPerMs = 1e6;

/** moby daemon/health.go. */
const defaults = {
  intervalMs: 30_000,
  timeoutMs: 30_000,
  startPeriodMs: 0,
  startIntervalMs: 5_000,
  retries: 3,
};
const logEntries = 5;
export const outputLimitBytes = 4096;

export interface HealthPlan {
  command: string[];
  intervalMs: number;
  timeoutMs: number;
  startPeriodMs: number;
  startIntervalMs: number;
  retries: number;
}

/** What to run and when; undefined when nothing is to be checked. */
export function healthPlan(
  check: HealthcheckConfig | undefined,
  shell: readonly string[] | undefined,
): HealthPlan | undefined {
  const [kind, ...rest] = check?.Test ?? [];
  if (check === undefined || (kind !== 'CMD' && kind !== 'CMD-SHELL') || rest.length === 0) return undefined;
  const ms = (ns: number | undefined, absent: number) => (ns ? ns / nsPerMs : absent);
  return {
    command: kind === 'CMD' ? rest : [...(shell?.length ? shell : ['/bin/sh', '-c']), ...rest],
    intervalMs: ms(check.Interval, defaults.intervalMs),
    timeoutMs: ms(check.Timeout, defaults.timeoutMs),
    startPeriodMs: ms(check.StartPeriod, defaults.startPeriodMs),
    startIntervalMs: ms(check.StartInterval, defaults.startIntervalMs),
    retries: check.Retries && check.Retries > 0 ? check.Retries : defaults.retries,
  };
}

/** Time until the next probe, counted from the end of the last one or from the start. */
export function untilNextMs(plan: HealthPlan, health: Health, sinceStartMs: number): number {
  const starting = sinceStartMs < plan.startPeriodMs && health.Status === 'starting';
  return starting ? plan.startIntervalMs : plan.intervalMs;
}

/** The state after `result`; `sinceStartMs`: when the probe began. */
export function nextHealth(
  plan: HealthPlan,
  health: Health,
  result: HealthResult,
  sinceStartMs: number,
): Health {
  const Log = [...health.Log, result].slice(-logEntries);
  if (result.ExitCode === 0) return { Status: 'healthy', FailingStreak: 0, Log };
  // Failures within the start period do not count, until the first success.
  const counts = health.Status !== 'starting' || sinceStartMs >= plan.startPeriodMs;
  const FailingStreak = health.FailingStreak + (counts ? 1 : 0);
  const Status = counts && FailingStreak >= plan.retries ? 'unhealthy' : health.Status;
  return { Status, FailingStreak, Log };
}

/** Health of a container that starts; what earlier probes said stays readable. */
export const startingHealth = (container: Container): Health => ({
  Status: 'starting',
  FailingStreak: 0,
  Log: container.state.health?.Log ?? [],
});

/** A probe's output: the first bytes, `...` when there was more. */
export function createProbeOutput(): { add(bytes: Buffer): void; text(): string } {
  const parts: Buffer[] = [];
  let left = outputLimitBytes;
  let truncated = false;
  return {
    add(bytes) {
      if (bytes.length > left) truncated = true;
      const kept = bytes.subarray(0, left);
      left -= kept.length;
      if (kept.length > 0) parts.push(Buffer.from(kept));
    },
    text: () => Buffer.concat(parts).toString('utf8') + (truncated ? '...' : ''),
  };
}

/** A duration as Go prints it: `30s`, `1.5s`, `2m0s`, `100ms`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Number(ms.toPrecision(6))}ms`;
  const seconds = Number(((ms % 60_000) / 1000).toFixed(3));
  const minutes = Math.floor(ms / 60_000) % 60;
  const hours = Math.floor(ms / 3_600_000);
  return `${hours > 0 ? `${hours}h` : ''}${ms >= 60_000 ? `${minutes}m` : ''}${seconds}s`;
}
