import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lives, startTime } from '../../linux/process.js';
import { createRandom } from '../../testing/seeded-random.js';
import { createPacketParser } from './attach.js';
import { configText } from './config-text.js';
import { lastLogError } from './failure.js';

test('packets come out whole however the stream is cut', () => {
  const random = createRandom(7);
  for (let round = 0; round < 200; round++) {
    const packets = Array.from({ length: 1 + random.below(5) }, () => random.bytes(random.below(40)));
    const stream = Buffer.concat(
      packets.flatMap((packet) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(packet.length);
        return [length, packet];
      }),
    );
    const seen: Buffer[] = [];
    const parse = createPacketParser((packet) => seen.push(Buffer.from(packet)));
    for (let at = 0; at < stream.length; ) {
      const end = at + 1 + random.below(9);
      parse(stream.subarray(at, end));
      at = end;
    }
    assert.deepEqual(seen, packets);
  }
});

test('unlimited becomes RLIM_INFINITY as a member only', () => {
  const text = configText({
    rlimits: [{ soft: 'unlimited', hard: 'unlimited' }],
    env: ['"soft":"unlimited"'],
  });
  assert.equal(
    text,
    '{"rlimits":[{"soft":18446744073709551615,"hard":18446744073709551615}],"env":["\\"soft\\":\\"unlimited\\""]}',
  );
});

test('the last error of the runtime’s log; cut lines are passed over', () => {
  const log =
    '{"level":"error","msg":"first"}\n{"level":"warning","msg":"w"}\n{"level":"error","msg":"last"}\n{"lev';
  assert.equal(lastLogError(log), 'last');
  assert.equal(lastLogError(''), undefined);
});

test('a process is the one it was by its start time', () => {
  const started = startTime(process.pid)!;
  assert.ok(lives(process.pid, started));
  assert.ok(!lives(process.pid, started + 1));
  assert.equal(startTime(2 ** 22 + 1), undefined);
});
