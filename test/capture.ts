/** What tshark says of a capture file. In: a pcapng file. Out: its lines. May import: nothing of Noos. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

/** One line a packet that the display filter lets through; checksums are verified. */
export function packets(file: string, filter: string): string[] {
  return execFileSync(
    'tshark',
    ['-r', file, '-o', 'tcp.check_checksum:TRUE', '-o', 'ip.check_checksum:TRUE', '-Y', filter],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
    .split('\n')
    .filter((line) => line !== '');
}

/** Fails when a packet is malformed or a checksum is wrong. */
export function assertWellFormed(file: string): void {
  const wrong = '_ws.malformed || tcp.checksum.status == "Bad" || ip.checksum.status == "Bad"';
  assert.deepEqual(packets(file, wrong), []);
}
