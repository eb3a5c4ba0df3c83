import assert from 'node:assert/strict';
import { appendFile, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LogQuery, readLog } from './read.js';
import { findTail } from './tail.js';

const entry = (
  text: string,
  options: { second?: number; stream?: string; tag?: string; zone?: string } = {},
) => {
  const { second = 0, stream = 'stdout', tag = 'F', zone = '+00:00' } = options;
  return `2026-11-23T10:00:${String(second).padStart(2, '0')}.123456789${zone} ${stream} ${tag} ${text}\n`;
};

async function logAt(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'noos-log-'));
  t.after(() => rm(directory, { recursive: true }));
  return join(directory, 'log');
}

const all = { stdout: true, stderr: true, timestamps: false, details: '', multiplex: false };

async function read(path: string, query: Partial<LogQuery> = {}): Promise<string> {
  let text = '';
  for await (const bytes of readLog({ ...all, path, ...query })) text += bytes.toString('latin1');
  return text;
}

const time = (second: number, nanos = 0) => ({
  seconds: Date.UTC(2026, 10, 23, 10, 0, second) / 1000,
  nanos,
});

test('streams, times, details, frames', async (t) => {
  const path = await logAt(t);
  await writeFile(path, entry('out') + entry('err', { stream: 'stderr', second: 1 }));
  assert.equal(await read(path), 'out\nerr\n');
  assert.equal(await read(path, { stdout: false }), 'err\n');
  assert.equal(await read(path, { multiplex: true }), '\x01\0\0\0\0\0\0\x04out\n\x02\0\0\0\0\0\0\x04err\n');
  assert.equal(
    await read(path, { timestamps: true, details: 'a=b ', stderr: false }),
    '2026-11-23T10:00:00.123456789Z a=b out\n',
  );
});

test('times of another zone are shown in UTC', async (t) => {
  const path = await logAt(t);
  await writeFile(path, entry('x', { zone: '+05:30' }));
  assert.equal(await read(path, { timestamps: true }), '2026-11-23T04:30:00.123456789Z x\n');
});

test('parts of a line are joined by stream; a line without end is printed as it was written', async (t) => {
  const path = await logAt(t);
  await writeFile(
    path,
    entry('ab', { tag: 'P' }) +
      entry('E1', { tag: 'P', stream: 'stderr' }) +
      entry('cd', { second: 3 }) +
      entry('E2', { stream: 'stderr' }) +
      entry('$ ', { tag: 'P' }),
  );
  assert.equal(
    await read(path, { timestamps: true }),
    '2026-11-23T10:00:00.123456789Z abcd\n2026-11-23T10:00:00.123456789Z E1E2\n2026-11-23T10:00:00.123456789Z $ ',
  );
  assert.equal(await read(path, { tail: 1 }), '$ ');
  assert.equal(await read(path, { tail: 3, stderr: false }), 'abcd\n$ ');
});

test('a stream that ended within a line: the next one begins a line of its own, no byte is added', async (t) => {
  const path = await logAt(t);
  await writeFile(
    path,
    entry('a') + entry('b', { tag: 'P' }) + entry('', { tag: 'E' }) + entry('c', { second: 3 }) + entry('d'),
  );
  assert.equal(await read(path), 'a\nbc\nd\n');
  assert.equal(
    await read(path, { timestamps: true, tail: 3 }),
    '2026-11-23T10:00:00.123456789Z b2026-11-23T10:00:03.123456789Z c\n2026-11-23T10:00:00.123456789Z d\n',
  );
  assert.equal(await read(path, { tail: 2 }), 'c\nd\n');
  assert.equal(await read(path, { tail: 3 }), 'bc\nd\n');
});

test('a line of many parts is printed in bounded memory, as one', async (t) => {
  const path = await logAt(t);
  const part = 'x'.repeat(8000);
  await writeFile(path, entry(part, { tag: 'P' }).repeat(20) + entry('end'));
  assert.equal(await read(path), `${part.repeat(20)}end\n`);
  const stamped = await read(path, { timestamps: true });
  assert.equal(stamped.match(/2026-/g)?.length, 1);
});

test('since, until', async (t) => {
  const path = await logAt(t);
  await writeFile(path, [1, 2, 3, 4].map((second) => entry(`${second}`, { second })).join(''));
  assert.equal(await read(path, { since: time(2) }), '2\n3\n4\n');
  assert.equal(await read(path, { since: time(2, 123456790) }), '3\n4\n');
  assert.equal(await read(path, { until: time(3) }), '1\n2\n');
  assert.equal(await read(path, { since: time(2), until: time(3, 999999999) }), '2\n3\n');
});

test('tail of any length, over blocks and rotated files, equals the end of everything', async (t) => {
  const path = await logAt(t);
  const lines = Array.from({ length: 900 }, (_, index) => `${index} ${'y'.repeat((index * 37) % 700)}`);
  const text = (from: number, to: number) =>
    lines
      .slice(from, to)
      .map((line) => entry(line))
      .join('');
  await writeFile(`${path}.2`, text(0, 300));
  await writeFile(`${path}.1`, text(300, 600));
  await writeFile(path, text(600, 900));
  for (const wanted of [0, 1, 2, 299, 300, 301, 650, 899, 900, 5000]) {
    const expected =
      wanted === 0
        ? ''
        : lines
            .slice(-wanted)
            .map((line) => `${line}\n`)
            .join('');
    assert.equal(await read(path, { tail: wanted }), expected, `${wanted}`);
  }
  const file = await open(path);
  t.after(() => file.close());
  assert.deepEqual(await findTail(file, (await file.stat()).size, 1000), { offset: 0, lines: 300 });
});

test('damaged entries are left out', async (t) => {
  const path = await logAt(t);
  await writeFile(
    path,
    `half an entry\n${entry('good')}\n\n2026 stdout F x\n${entry('also')}2026-11-23T10:00`,
  );
  assert.equal(await read(path), 'good\nalso\n');
});

test('following: added lines, a rotation, a second one while away, the end', {
  timeout: 10_000,
}, async (t) => {
  const path = await logAt(t);
  await writeFile(path, entry('one'));
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const followed = read(path, { follow: { ended, signal: new AbortController().signal } });
  await sleep(20);
  await appendFile(path, entry('tw', { tag: 'P' }));
  await sleep(20);
  await appendFile(path, entry('o'));
  // The writer still has the old file when it is renamed.
  const writer = await open(path, 'a');
  await rename(path, `${path}.1`);
  await writer.write(entry('late'));
  await writer.close();
  await writeFile(path, entry('three'));
  await rename(`${path}.1`, `${path}.2`);
  await rename(path, `${path}.1`);
  await writeFile(path, entry('four'));
  await sleep(30);
  await appendFile(path, entry('last', { tag: 'P' }));
  end();
  assert.equal(await followed, 'one\ntwo\nlate\nthree\nfour\nlast');
});

test('following ends with the signal and with until; a log that does not exist yet is awaited', {
  timeout: 10_000,
}, async (t) => {
  const path = await logAt(t);
  const never = new Promise<void>(() => {});
  const abort = new AbortController();
  const followed = read(path, { follow: { ended: never, signal: abort.signal } });
  await sleep(20);
  await writeFile(path, entry('here'));
  await sleep(50);
  abort.abort();
  assert.equal(await followed, 'here\n');
  const until = read(path, {
    until: time(5),
    follow: { ended: never, signal: new AbortController().signal },
  });
  await sleep(20);
  await appendFile(path, entry('later', { second: 6 }));
  assert.equal(await until, 'here\n');
});

test('without following, a log is read as far as it went at first', async (t) => {
  const path = await logAt(t);
  const line = 'x'.repeat(1000);
  const grow = () => appendFile(path, entry('late'));
  for (const tail of [undefined, 400]) {
    await writeFile(path, entry(line).repeat(500));
    let text = '';
    for await (const bytes of readLog({ ...all, path, ...(tail !== undefined && { tail }) })) {
      text += bytes.toString('latin1');
      await grow();
    }
    assert.equal(text, `${line}\n`.repeat(tail ?? 500));
  }
  // Replaced after it was opened: the newer file is not part of the answer.
  await writeFile(path, entry(line).repeat(500));
  let text = '';
  for await (const bytes of readLog({ ...all, path })) {
    text += bytes.toString('latin1');
    await rename(path, `${path}.1`).catch(() => {});
    await writeFile(path, entry('late'));
  }
  assert.equal(text, `${line}\n`.repeat(500));
});
