import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanSize, progressText } from './progress-text.js';

test('sizes have four digits', () => {
  const cases: [number, string][] = [
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [10240, '10.24kB'],
    [4034567, '4.035MB'],
    [999_999, '1000kB'],
  ];
  for (const [bytes, text] of cases) assert.equal(humanSize(bytes), text);
});

test('the bar as dockerd draws it', () => {
  assert.equal(progressText(0, 0), undefined);
  assert.equal(progressText(24, 0), '     24B');
  // Recorded from dockerd 20.10.
  assert.equal(progressText(3900, 10240), `[${'='.repeat(19)}>${' '.repeat(31)}]    3.9kB/10.24kB`);
  assert.equal(progressText(10240, 10240), `[${'='.repeat(50)}>]  10.24kB/10.24kB`);
  assert.equal(progressText(20480, 10240), `[${'='.repeat(50)}>]  20.48kB`);
});
