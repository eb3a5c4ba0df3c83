/**
 * When a container that ended is started again, and how long after.
 *
 * In: policy, exit, history. Out: a decision. May import: container types, errors.
 */
import { DaemonError } from '../../errors.js';
import type { Container, HostConfig } from '../types.js';

type RestartPolicy = NonNullable<HostConfig['RestartPolicy']>;

/** moby, libcontainerd/restartmanager.go: defaultTimeout, doubled each time up to maxRestartTimeout. */
export const firstPauseMs = 100;
export const longestPauseMs = 60_000;
/** After running this long the next pause is the first again. */
const stableMs = 10_000;

export function checkRestartPolicy(policy: RestartPolicy, autoRemove: boolean): void {
  const { Name, MaximumRetryCount = 0 } = policy;
  if (!['', 'no', 'always', 'unless-stopped', 'on-failure'].includes(Name))
    throw new DaemonError(
      'invalid',
      `invalid restart policy: unknown policy '${Name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
    );
  if (MaximumRetryCount < 0)
    throw new DaemonError('invalid', `invalid restart policy: maximum retry count cannot be negative`);
  if (MaximumRetryCount > 0 && Name !== 'on-failure')
    throw new DaemonError(
      'invalid',
      "invalid restart policy: maximum retry count can only be used with 'on-failure'",
    );
  if (autoRemove && Name !== '' && Name !== 'no')
    throw new DaemonError('invalid', "can't create 'AutoRemove' container with restart policy");
}

/** After an exit while the daemon runs. */
export function restartsAfterExit(container: Container, exitCode: number): boolean {
  const { Name = 'no', MaximumRetryCount = 0 } = container.hostConfig.RestartPolicy ?? {};
  if (container.hasBeenStopped) return false;
  if (Name === 'always' || Name === 'unless-stopped') return true;
  return (
    Name === 'on-failure' &&
    exitCode !== 0 &&
    (MaximumRetryCount === 0 || container.restartCount < MaximumRetryCount)
  );
}

/** When the daemon starts and the container does not run; `wasUp`: it did when the daemon ended. */
export function restartsAtDaemonStart(container: Container, wasUp: boolean): boolean {
  const { Name = 'no' } = container.hostConfig.RestartPolicy ?? {};
  if (container.state.status === 'created' || container.state.status === 'dead') return false;
  if (Name === 'always') return true;
  if (Name === 'unless-stopped') return !container.hasBeenStopped;
  return wasUp && restartsAfterExit(container, container.state.exitCode);
}

/** The pause before the next start. */
export function nextPause(lastPauseMs: number, ranMs: number): number {
  if (lastPauseMs === 0 || ranMs >= stableMs) return firstPauseMs;
  return Math.min(lastPauseMs * 2, longestPauseMs);
}
