/**
 * TCP bulk throughput, each direction, one connection: Linux's sockets with the `process` target over TAP, against
 * Linux's sockets with Linux's sockets over a veth pair.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { buildImage, runtimeProcess } from './hello.js';
import { compilePeer } from './peer.js';
import { report } from './report.js';
import { createTap, enterNamespace, guestAddress, tapArguments } from './tap-network.js';

const rounds = 5;
const transferSeconds = 2;
const port = 5001;
const vethAddress = '10.78.0.1';
const peerAddress = '10.78.0.2';
const peerNamespace = `noos-bench-peer-${process.pid}`;

const ip = (...words: string[]): void => void execFileSync('ip', words);

/** A second namespace on the other end of a veth pair, with Linux's sockets serving in it. */
function startPeer(tcpBulk: string): ChildProcess {
  ip('netns', 'add', peerNamespace);
  ip('link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1', 'netns', peerNamespace);
  ip('address', 'add', `${vethAddress}/24`, 'dev', 'veth0');
  ip('link', 'set', 'veth0', 'up');
  ip('-n', peerNamespace, 'address', 'add', `${peerAddress}/24`, 'dev', 'veth1');
  ip('-n', peerNamespace, 'link', 'set', 'veth1', 'up');
  return spawn('ip', ['netns', 'exec', peerNamespace, tcpBulk, 'serve', String(port)], { stdio: 'inherit' });
}

/** Gbit/s of one transfer; waits until the other side listens. */
async function transfer(tcpBulk: string, direction: 'send' | 'receive', address: string): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      const output = execFileSync(tcpBulk, [direction, address, String(port), String(transferSeconds)], {
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 20_000,
      });
      return (Number(output.toString()) * 8) / 1e9;
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

enterNamespace();
const tcpBulk = compilePeer('tcp-bulk');
const image = buildImage('bench/apps/bulk.ts');
createTap();
const ours = spawn(runtimeProcess, tapArguments(image), { stdio: 'inherit' });
const theirs = startPeer(tcpBulk);
try {
  for (const direction of ['send', 'receive'] as const) {
    const figures: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++)
      for (const [side, address] of [guestAddress, peerAddress].entries())
        figures[side]!.push(await transfer(tcpBulk, direction, address));
    report({
      figure: `TCP bulk in Gbit/s, ${direction === 'send' ? 'into' : 'out of'} the unikernel`,
      ours: figures[0],
      peer: 'Linux sockets over veth',
      theirs: figures[1],
      target: { relation: '>=', ratio: 0.3 },
    });
  }
} finally {
  ours.kill('SIGKILL');
  theirs.kill('SIGKILL');
  ip('netns', 'delete', peerNamespace);
}
