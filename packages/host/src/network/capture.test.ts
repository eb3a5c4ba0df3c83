import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { frameCable } from '@noos/libos';
import { startCapture } from './capture.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-capture-'));
after(() => rmSync(directory, { recursive: true }));
const noNotes = (line: string): void => assert.fail(line);

test('a recording is for its owner alone, whatever the umask', () => {
  const path = join(directory, 'run.pcapng');
  const before = process.umask(0);
  try {
    const [device, other] = frameCable();
    const capture = startCapture(path, noNotes);
    const recorded = capture.wrap(device);
    recorded.receive = () => {};
    other.transmit(new Uint8Array(60).fill(7));
    capture.close();
    other.transmit(new Uint8Array(60).fill(8));
  } finally {
    process.umask(before);
  }
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(readFileSync(path).includes(Buffer.alloc(60, 7)));
  assert.ok(!readFileSync(path).includes(Buffer.alloc(60, 8)));
});

test('a directory, a missing directory, a FIFO that nobody reads, a link that leads nowhere: an error or a file, no wait', () => {
  const fifo = join(directory, 'fifo');
  execFileSync('mkfifo', [fifo]);
  for (const path of [directory, join(directory, 'missing/run.pcapng'), fifo])
    assert.throws(() => startCapture(path, noNotes), { code: 'pcap-unwritable' }, path);
  const target = join(directory, 'target.pcapng');
  symlinkSync(target, join(directory, 'link'));
  startCapture(join(directory, 'link'), noNotes).close();
  assert.ok(existsSync(target));
});

test('a disk that is full ends the recording with a note; frames continue', async () => {
  const notes: string[] = [];
  const [device, other] = frameCable();
  const capture = startCapture('/dev/full', (line) => notes.push(line));
  const recorded = capture.wrap(device);
  let frames = 0;
  recorded.receive = () => frames++;
  for (let round = 0; round < 3; round++) {
    other.transmit(new Uint8Array(60));
    await new Promise((resolve) => setImmediate(resolve));
  }
  capture.close();
  assert.equal(frames, 3);
  assert.deepEqual(notes.length, 1);
  assert.match(notes[0]!, /^the recording in \/dev\/full ends here: ENOSPC/);
});
