import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newState } from '../records/records.js';
import type { Container, ContainerStatus } from '../types.js';
import {
  checkRestartPolicy,
  firstPauseMs,
  longestPauseMs,
  nextPause,
  restartsAfterExit,
  restartsAtDaemonStart,
} from './restart-policy.js';

function container(
  policy: string,
  options: { count?: number; retries?: number; stopped?: boolean; status?: ContainerStatus } = {},
): Container {
  return {
    hostConfig: { RestartPolicy: { Name: policy, MaximumRetryCount: options.retries ?? 0 } },
    restartCount: options.count ?? 0,
    hasBeenStopped: options.stopped ?? false,
    state: { ...newState(), status: options.status ?? 'exited' },
  } as Container;
}

test('after an exit', () => {
  for (const [policy, code, options, expected] of [
    ['no', 1, {}, false],
    ['always', 0, {}, true],
    ['always', 0, { stopped: true }, false],
    ['unless-stopped', 1, {}, true],
    ['on-failure', 0, {}, false],
    ['on-failure', 1, {}, true],
    ['on-failure', 1, { retries: 2, count: 1 }, true],
    ['on-failure', 1, { retries: 2, count: 2 }, false],
  ] as const)
    assert.equal(restartsAfterExit(container(policy, options), code), expected, `${policy} ${code}`);
});

test('at the start of the daemon', () => {
  for (const [policy, wasUp, options, expected] of [
    ['always', false, { stopped: true }, true],
    ['unless-stopped', true, {}, true],
    ['unless-stopped', false, { stopped: true }, false],
    ['on-failure', true, {}, false],
    ['no', true, {}, false],
    ['always', false, { status: 'created' }, false],
  ] as const)
    assert.equal(restartsAtDaemonStart(container(policy, options), wasUp), expected, policy);
});

test('pauses double to a minute and begin anew after a stable run', () => {
  let pause = nextPause(0, 0);
  assert.equal(pause, firstPauseMs);
  const seen = [pause];
  for (let i = 0; i < 12; i++) {
    pause = nextPause(pause, 0);
    seen.push(pause);
  }
  assert.deepEqual(seen.slice(0, 4), [100, 200, 400, 800]);
  assert.equal(seen.at(-1), longestPauseMs);
  assert.equal(nextPause(longestPauseMs, 10_000), firstPauseMs);
});

test('what is refused', () => {
  const refused = (policy: object, autoRemove = false) =>
    assert.throws(() => checkRestartPolicy(policy as never, autoRemove), { kind: 'invalid' });
  refused({ Name: 'sometimes' });
  refused({ Name: 'always', MaximumRetryCount: 2 });
  refused({ Name: 'on-failure', MaximumRetryCount: -1 });
  refused({ Name: 'always' }, true);
  checkRestartPolicy({ Name: 'on-failure', MaximumRetryCount: 3 }, false);
  checkRestartPolicy({ Name: 'no' }, true);
});
