/**
 * Ending and pausing: kill, stop, pause, unpause.
 *
 * In: a running container. Out: signals, and their effects awaited. May import: areas below, the parts beside it.
 */
import { DaemonError } from '../../errors.js';
import { signalNumber } from '../configuration/signals.js';
import { type Context, isUp, publish } from '../context.js';
import type { Container } from '../types.js';
import { cancelRestart } from './exit.js';

/** moby, container.go: defaultStopTimeout, seconds. */
export const defaultStopTimeoutS = 10;
const sigkill = 9;
/** After SIGKILL the kernel may still be busy with the processes. */
const killPatienceMs = 10_000;

export const notRunning = (container: Container): DaemonError =>
  new DaemonError('conflict', `container ${container.id} is not running`);

const stopSignal = (container: Container): number => signalNumber(container.config.StopSignal || 'SIGTERM');

/** Sends one signal; what ends the container also ends its restarts. */
export async function sendSignal(context: Context, container: Container, number: number): Promise<void> {
  const runtime = context.runtimeOf(container);
  const ends = number === sigkill || number === stopSignal(container);
  if (ends && !context.stopping && !context.live(container.id).keep) {
    container.hasBeenStopped = true;
    await context.records.saveState(container);
  }
  await runtime.kill(container.id, number);
  publish(context, container, 'kill', { signal: String(number) });
  // A frozen process takes a signal only when it thaws.
  if (ends && container.state.status === 'paused') await unpause(context, container);
}

export async function killContainer(context: Context, container: Container, number = sigkill): Promise<void> {
  if (container.state.status === 'restarting' && (number === sigkill || number === stopSignal(container))) {
    container.hasBeenStopped = true;
    await context.locks.run(container.id, () => cancelRestart(context, container));
    return;
  }
  if (!isUp(container)) throw new DaemonError('conflict', `container ${container.id} is not running`);
  const ended = number === sigkill ? endOf(context, container, killPatienceMs) : undefined;
  await sendSignal(context, container, number);
  await ended;
}

/** True when the container ended within `milliseconds` (Infinity waits for ever). */
async function endOf(context: Context, container: Container, milliseconds: number): Promise<boolean> {
  const abort = new AbortController();
  const timer =
    milliseconds === Number.POSITIVE_INFINITY
      ? undefined
      : setTimeout(() => abort.abort(new Error('timeout')), milliseconds);
  try {
    await context.waiters.wait(container.id, 'next-exit', abort.signal);
    return true;
  } catch {
    return !isUp(container);
  } finally {
    clearTimeout(timer);
  }
}

export interface StopOptions {
  signal?: string;
  timeout?: number;
}

/** Throws notModified when there is nothing to stop. */
export async function stopContainer(
  context: Context,
  container: Container,
  { signal, timeout }: StopOptions = {},
): Promise<void> {
  const number = signal === undefined || signal === '' ? stopSignal(container) : signalNumber(signal);
  if (container.state.status === 'restarting') {
    container.hasBeenStopped = !context.stopping;
    await context.locks.run(container.id, () => cancelRestart(context, container));
    return;
  }
  if (!isUp(container)) throw new DaemonError('notModified', `Container ${container.id} is already stopped`);
  const seconds = timeout ?? container.config.StopTimeout ?? defaultStopTimeoutS;
  if (!context.stopping && !context.live(container.id).keep) container.hasBeenStopped = true;
  const patience = seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000;
  const gentle = endOf(context, container, patience);
  await sendSignal(context, container, number);
  if (!(await gentle)) {
    const forced = endOf(context, container, killPatienceMs);
    await sendSignal(context, container, sigkill);
    if (!(await forced)) {
      // Its monitor may be gone: the runtime finds out and reports an exit.
      const found = endOf(context, container, killPatienceMs);
      await context.runtimeOf(container).kill(container.id, sigkill);
      if (!(await found))
        throw new DaemonError(
          'system',
          `cannot stop container: ${container.name}: tried to kill container, but did not receive an exit event`,
        );
    }
  }
  publish(context, container, 'stop');
}

export async function pause(context: Context, container: Container): Promise<void> {
  if (container.state.status === 'paused')
    throw new DaemonError('conflict', `container ${container.id} is already paused`);
  if (container.state.status === 'restarting')
    throw new DaemonError(
      'conflict',
      `Container ${container.id} is restarting, wait until the container is running`,
    );
  if (container.state.status !== 'running') throw notRunning(container);
  await context.runtimeOf(container).pause(container.id);
  container.state.status = 'paused';
  await context.records.saveState(container);
  publish(context, container, 'pause');
  for (const observer of context.observers) observer.paused?.(container);
}

export async function unpause(context: Context, container: Container): Promise<void> {
  if (container.state.status !== 'paused')
    throw new DaemonError('system', `Container ${container.id} is not paused`);
  await context.runtimeOf(container).unpause(container.id);
  container.state.status = 'running';
  await context.records.saveState(container);
  publish(context, container, 'unpause');
  for (const observer of context.observers) observer.running?.(container);
}
