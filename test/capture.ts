/** What tshark says of a capture. In: a pcapng file or its bytes. Out: lines. May import: nothing of Noos. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One line a packet that the display filter lets through; checksums are verified. */
export function packets(file: string, filter: string): string[] {
  const checks = ['ip', 'udp', 'tcp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
  const { error, status, stdout, stderr } = spawnSync('tshark', ['-r', file, ...checks, '-Y', filter], {
    encoding: 'utf8',
  });
  assert.equal(error, undefined, 'tshark is missing: npm run setup');
  assert.equal(status, 0, stderr);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Fails when a packet of a pcapng file, or of its bytes, is malformed or a checksum is wrong. */
export function assertWellFormed(capture: string | readonly Uint8Array[]): void {
  const wrong = ['ip', 'udp', 'tcp'].map((protocol) => `${protocol}.checksum.status == "Bad"`);
  const filter = ['_ws.malformed', ...wrong].join(' || ');
  if (typeof capture === 'string') {
    assert.deepEqual(packets(capture, filter), []);
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'noos-pcap-'));
  try {
    const file = join(directory, 'run.pcapng');
    writeFileSync(file, Buffer.concat(capture));
    assert.deepEqual(packets(file, filter), []);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
