/** The bus and what a client selects from it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventBus, rememberedEvents } from './bus.js';
import { parseTimestamp, selectEvents } from './select.js';
import type { DaemonEvent } from './types.js';

const event = (part: Partial<DaemonEvent>, attributes: Record<string, string> = {}): DaemonEvent => ({
  Type: 'container',
  Action: 'start',
  Actor: { ID: 'abc123', Attributes: { name: 'web', image: 'nginx:1', ...attributes } },
  scope: 'local',
  time: 1,
  timeNano: 1_000_000_000n,
  ...part,
});

test('listeners get events in order; the last 256 are remembered', () => {
  let now = 0n;
  const bus = createEventBus(() => ++now);
  const heard: string[] = [];
  const stop = bus.subscribe(({ Action }) => heard.push(Action));
  for (let index = 0; index < 300; index++) bus.publish('image', `a${index}`, { ID: 'x', Attributes: {} });
  stop();
  bus.publish('image', 'last', { ID: 'x', Attributes: {} });
  assert.equal(heard.length, 300);
  assert.equal(bus.recent().length, rememberedEvents);
  assert.equal(bus.recent().at(-1)?.Action, 'last');
  assert.deepEqual(bus.counts(), { published: 301, subscribers: 0 });
});

test('times never go back', () => {
  const bus = createEventBus();
  for (let index = 0; index < 100; index++) bus.publish('image', 'a', { ID: 'x', Attributes: {} });
  const times = bus.recent().map(({ timeNano }) => timeNano);
  assert.ok(times.every((time, index) => index === 0 || time > times[index - 1]!));
});

test('filters select as dockerd’s do', () => {
  const selects = (
    filters: Record<string, string[]>,
    part: Partial<DaemonEvent> = {},
    attributes = {},
  ): boolean => selectEvents(new Map(Object.entries(filters)))(event(part, attributes));
  assert.ok(selects({}));
  assert.ok(selects({ type: ['container'], event: ['start', 'stop'] }));
  assert.ok(!selects({ type: ['image'] }));
  assert.ok(selects({ container: ['abc'] }));
  assert.ok(selects({ container: ['web'] }));
  assert.ok(!selects({ container: ['other'] }));
  assert.ok(selects({ image: ['nginx'] }));
  assert.ok(selects({ image: ['nginx:1'] }));
  assert.ok(!selects({ image: ['nginx:2'] }));
  assert.ok(selects({ label: ['tier=front'] }, {}, { tier: 'front' }));
  assert.ok(!selects({ label: ['tier=back'] }, {}, { tier: 'front' }));
  assert.ok(selects({ event: ['exec_start'] }, { Action: 'exec_start: sh -c x' }));
  assert.ok(!selects({ event: ['exec_start: other'] }, { Action: 'exec_start: sh' }));
  assert.ok(selects({ event: ['health_status'] }, { Action: 'health_status: healthy' }));
});

test('times as the API takes them', () => {
  const now = 10_000_000_000_000n;
  assert.equal(parseTimestamp('12', now), 12_000_000_000n);
  assert.equal(parseTimestamp('12.000000005', now), 12_000_000_005n);
  assert.equal(parseTimestamp('1h30m', now), now - 5_400_000_000_000n);
  assert.equal(parseTimestamp('1.5s', now), now - 1_500_000_000n);
  assert.equal(parseTimestamp('1970-01-01T00:00:01.5Z', now), 1_500_000_000n);
  assert.equal(parseTimestamp('1970-01-01T01:00:01+01:00', now), 1_000_000_000n);
  assert.equal(parseTimestamp('1970-01-02', now), 86_400_000_000_000n);
  for (const text of ['foo', '-1', '1x', '2020-13-01', '1970-01-01T'])
    assert.throws(() => parseTimestamp(text, now));
});
