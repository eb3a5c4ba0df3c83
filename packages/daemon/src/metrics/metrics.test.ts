/** Metrics as Prometheus reads them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventBus } from '../events/bus.js';
import { createEngineMetrics } from './engine.js';
import { createHistogram, formatMetrics } from './prometheus.js';

test('labels are escaped, series begin at zero', () => {
  const text = formatMetrics([
    {
      name: 'a',
      help: 'h',
      type: 'gauge',
      samples: [{ labels: { x: 'quote " back \\ line \n' }, value: 1 }],
    },
  ]);
  assert.equal(text, '# HELP a h\n# TYPE a gauge\na{x="quote \\" back \\\\ line \\n"} 1\n');
});

test('a histogram counts into every bucket above', () => {
  const histogram = createHistogram('d', 'h', 'action', ['start']);
  histogram.observe('start', 0.3);
  histogram.observe('unknown', 1);
  const values = histogram.metric().samples.map(({ value }) => value);
  assert.deepEqual(values, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0.3, 1]);
});

test('dockerd’s names', () => {
  const metrics = createEngineMetrics({
    events: createEventBus(),
    version: '1',
    engineId: 'id',
    counts: () => ({ running: 2, paused: 0, stopped: 1 }),
  });
  metrics.served('POST /containers/create', 0.02);
  const text = metrics.text();
  assert.match(text, /^engine_daemon_container_states_containers\{state="running"\} 2$/m);
  assert.match(text, /^engine_daemon_container_actions_seconds_count\{action="create"\} 1$/m);
  assert.match(text, /^engine_daemon_engine_info\{.*daemon_id="id".*\} 1$/m);
  for (const line of text.trim().split('\n'))
    assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.*\})? \d+(\.\d+)?(e-?\d+)?)$/);
});
