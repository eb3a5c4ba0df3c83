import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogger } from '../../log.js';
import type { Container } from '../types.js';
import { createHealthMonitor } from './monitor.js';
import {
  createProbeOutput,
  formatDuration,
  type Health,
  type HealthResult,
  healthPlan,
  nextHealth,
  untilNextMs,
} from './state.js';

const result = (ExitCode: number): HealthResult => ({
  Start: '',
  End: new Date().toISOString(),
  ExitCode,
  Output: '',
});
const fresh: Health = { Status: 'starting', FailingStreak: 0, Log: [] };

test('what is checked', () => {
  assert.equal(healthPlan(undefined, undefined), undefined);
  assert.equal(healthPlan({ Test: ['NONE'] }, undefined), undefined);
  assert.equal(healthPlan({ Test: [] }, undefined), undefined);
  assert.deepEqual(healthPlan({ Test: ['CMD', 'true', 'x'], Interval: 2e9, Retries: 2 }, undefined), {
    command: ['true', 'x'],
    intervalMs: 2000,
    timeoutMs: 30_000,
    startPeriodMs: 0,
    startIntervalMs: 5000,
    retries: 2,
  });
  assert.deepEqual(healthPlan({ Test: ['CMD-SHELL', 'a b'] }, ['/bin/bash', '-ec'])?.command, [
    '/bin/bash',
    '-ec',
    'a b',
  ]);
});

test('retries, start period, recovery, five entries', () => {
  const plan = healthPlan(
    { Test: ['CMD', 'x'], Retries: 2, StartPeriod: 10e9, StartInterval: 1e9 },
    undefined,
  )!;
  let health = nextHealth(plan, fresh, result(1), 5000);
  assert.deepEqual([health.Status, health.FailingStreak], ['starting', 0]);
  assert.equal(untilNextMs(plan, health, 6000), 1000);
  assert.equal(untilNextMs(plan, health, 10_000), 30_000);
  health = nextHealth(plan, health, result(1), 11_000);
  assert.deepEqual([health.Status, health.FailingStreak], ['starting', 1]);
  health = nextHealth(plan, health, result(2), 12_000);
  assert.deepEqual([health.Status, health.FailingStreak], ['unhealthy', 2]);
  health = nextHealth(plan, health, result(0), 13_000);
  assert.deepEqual([health.Status, health.FailingStreak, health.Log.length], ['healthy', 0, 4]);
  assert.equal(untilNextMs(plan, health, 5000), 30_000);
  // After a success, failures count within the start period too.
  health = nextHealth(plan, health, result(1), 5000);
  assert.deepEqual([health.Status, health.FailingStreak], ['healthy', 1]);
  assert.equal(nextHealth(plan, health, result(1), 5000).Log.length, 5);
});

test('output is bounded', () => {
  const output = createProbeOutput();
  output.add(Buffer.alloc(4000, 'a'));
  assert.equal(output.text().length, 4000);
  output.add(Buffer.alloc(96, 'b'));
  assert.equal(output.text().length, 4096);
  output.add(Buffer.from('c'));
  assert.equal(output.text(), `${'a'.repeat(4000)}${'b'.repeat(96)}...`);
});

test("durations as Go's", () => {
  assert.deepEqual([100, 1500, 30_000, 120_000, 3_661_000].map(formatDuration), [
    '100ms',
    '1.5s',
    '30s',
    '2m0s',
    '1h1m1s',
  ]);
});

test('the monitor probes, reports changes, rests while paused, continues after a daemon restart', {
  timeout: 5000,
}, async (t) => {
  const container = {
    id: 'c',
    name: 'web',
    config: { Image: 'x', Healthcheck: { Test: ['CMD', 'x'], Interval: 30e6, Retries: 1 } },
    state: { startedAt: new Date().toISOString() } as Container['state'],
  } as Container;
  const changes: string[] = [];
  let probes = 0;
  let code = 0;
  const monitor = createHealthMonitor({
    probe: async () => {
      probes++;
      return result(code);
    },
    setHealth: (_id, health) => {
      container.state.health = health;
    },
    changed: (_container, status) => void changes.push(status),
    log: createLogger('fatal'),
  });
  t.after(() => monitor.close());
  monitor.running!(container);
  assert.equal(container.state.health?.Status, 'starting');
  await sleep(120);
  code = 1;
  await sleep(80);
  assert.deepEqual(changes, ['healthy', 'unhealthy']);
  monitor.paused!(container);
  const paused = probes;
  await sleep(80);
  assert.equal(probes, paused);
  code = 0;
  monitor.running!(container);
  assert.equal(container.state.health?.Status, 'unhealthy');
  await sleep(80);
  assert.deepEqual(changes, ['healthy', 'unhealthy', 'healthy']);
  monitor.stopped!(container);
  const stopped = probes;
  assert.equal(container.state.health?.Status, 'unhealthy');
  await sleep(60);
  assert.equal(probes, stopped);
});
