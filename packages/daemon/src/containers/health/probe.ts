/**
 * One probe of a health check: an exec with bounded output and time.
 *
 * In: a container, a plan. Out: a result, never an error. May import: exec.
 */
import { addAbortListener } from 'node:events';
import type { Execs, StartedExec } from '../exec/execs.js';
import type { Container } from '../types.js';
import { createProbeOutput, formatDuration, type HealthPlan, type HealthResult } from './state.js';

/** Time to start the exec, which is not the probe's own (moby daemon/health.go). */
const startLimitMs = 30_000;

/** RFC 3339 with nanoseconds. */
const stamp = (): string =>
  new Date().toISOString().replace('Z', `${String(process.hrtime.bigint() % 1_000_000n).padStart(6, '0')}Z`);

const timesOut = (ms: number, signal: AbortSignal): { expired: Promise<'expired'>; stop(): void } => {
  let stop = () => {};
  const expired = new Promise<'expired'>((resolve) => {
    const timer = setTimeout(() => resolve('expired'), ms);
    const aborted = addAbortListener(signal, () => resolve('expired'));
    stop = () => {
      clearTimeout(timer);
      aborted[Symbol.dispose]();
    };
  });
  return { expired, stop };
};

/** Ends the probe's process; its exit is awaited so that dying probes do not pile up. */
async function end({ session, ended }: StartedExec): Promise<void> {
  try {
    process.kill(session.pid, 'SIGKILL');
  } catch {
    // It ended by itself meanwhile.
  }
  await ended;
}

export async function runProbe(
  execs: Execs,
  container: Container,
  plan: HealthPlan,
  signal: AbortSignal,
): Promise<HealthResult> {
  const Start = stamp();
  const result = (ExitCode: number, Output: string): HealthResult => ({
    Start,
    End: stamp(),
    ExitCode,
    Output,
  });
  const output = createProbeOutput();
  try {
    const request = { AttachStdout: true, AttachStderr: true, Cmd: plan.command };
    const session = await execs.create(container.id, request, { urgent: false });
    const starting = timesOut(startLimitMs, signal);
    const launched = execs.start(session.id);
    const started = await Promise.race([launched, starting.expired]).finally(starting.stop);
    if (started === 'expired') {
      launched.then(end, () => {});
      return result(-1, `timed out starting health check for container ${container.id}`);
    }
    started.streams.onOutput((_stream, bytes) => output.add(bytes));
    const running = timesOut(plan.timeoutMs, signal);
    const code = await Promise.race([started.ended, running.expired]).finally(running.stop);
    if (code === 'expired') {
      await end(started);
      const said = output.text();
      return result(
        -1,
        `Health check exceeded timeout (${formatDuration(plan.timeoutMs)})${said === '' ? '' : `: ${said}`}`,
      );
    }
    await started.streams.closed;
    return result(code, output.text());
  } catch (error) {
    return result(-1, (error as Error).message);
  }
}
