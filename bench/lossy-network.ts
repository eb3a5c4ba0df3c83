/**
 * A long, lossy path: this namespace and another one, joined by `peers/lossy-bridge.c`. On this side a Linux bridge
 * holds the unikernel's TAP device and the near end of the cable, so that the unikernel's server and Linux's server
 * (on the bridge's own address) are reached from the far side through exactly the same cable.
 *
 * In: `enterNamespace` was called; delay, rate, queue and loss. Out: addresses, programs run on the far side, what the
 * cable did. May import: tap-network.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createTap, guestMac, hostAddress, tapName } from './tap-network.js';

export interface Path {
  roundTripMs: number;
  /** Rate of the line in each direction, Mbit/s. */
  rateMbit: number;
  /** Bytes that may wait for the line; what comes beyond is dropped. */
  queueBytes: number;
  /** Probability of the loss of a frame, in each direction. */
  loss: number;
  seed: number;
}

/** What the cable did in one direction. */
export interface PathReport {
  delivered: number;
  bytes: number;
  lost: number;
  dropped: number;
  lateMeanUs: number;
  lateWorstUs: number;
}

export interface LossyPath {
  /** Runs a command on the far side. */
  far(command: string, ...words: string[]): ChildProcess;
  /** Unplugs the cable; what it did towards the far side, and towards this one. */
  end(): Promise<PathReport[]>;
}

const farAddress = '10.77.0.3';
const bridgeName = 'br0';
const farNamespace = `noos-bench-far-${process.pid}`;
/** Frames that wait in a cable's end for the program to read them: a burst of a window must not be dropped there. */
const deviceQueueFrames = '30000';
/** Windows up to 16 MiB: Linux takes half of a send buffer for its own bookkeeping. */
const largestBufferBytes = 33_554_432;

const ip = (...words: string[]): void => void execFileSync('ip', words);
const farIp = (...words: string[]): void => ip('-n', farNamespace, ...words);

/** Both kernels may use large buffers, whatever the machine's default is. */
function tuneLinux(prefix: string[]): void {
  const [command, ...words] = [...prefix, 'sysctl', '-qw'];
  execFileSync(command!, [
    ...words,
    `net.ipv4.tcp_wmem=4096 16384 ${largestBufferBytes}`,
    `net.ipv4.tcp_rmem=4096 131072 ${largestBufferBytes}`,
    // No memory of earlier connections: each transfer begins alike.
    'net.ipv4.tcp_no_metrics_save=1',
  ]);
}

/** Makes both sides, without the cable: the unikernel's TAP in a bridge, and the far namespace. */
export function createSides(): void {
  createTap();
  ip('address', 'flush', 'dev', tapName);
  ip('link', 'add', bridgeName, 'type', 'bridge');
  ip('link', 'set', bridgeName, 'address', '02:00:00:00:77:01');
  ip('link', 'set', tapName, 'master', bridgeName);
  ip('address', 'add', `${hostAddress}/24`, 'dev', bridgeName);
  ip('link', 'set', bridgeName, 'up');
  ip('netns', 'add', farNamespace);
  tuneLinux([]);
  tuneLinux(['ip', 'netns', 'exec', farNamespace]);
}

export function removeSides(): void {
  ip('netns', 'delete', farNamespace);
}

/** Plugs a cable in; `bridge` is the compiled `lossy-bridge`. */
export async function openPath(bridge: string, path: Path): Promise<LossyPath> {
  const delayUs = Math.round((path.roundTripMs * 1000) / 2);
  const perMillion = Math.round(path.loss * 1e6);
  const words = ['near0', 'far0', delayUs, path.rateMbit, path.queueBytes, perMillion, path.seed].map(String);
  const cable = spawn(bridge, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: cable.stdout });
  const printed: string[] = [];
  lines.on('line', (line) => printed.push(line));
  await once(lines, 'line');
  for (const name of ['near0', 'far0']) ip('link', 'set', name, 'txqueuelen', deviceQueueFrames);
  ip('link', 'set', 'near0', 'master', bridgeName, 'up');
  ip('link', 'set', 'far0', 'netns', farNamespace);
  farIp('address', 'add', `${farAddress}/24`, 'dev', 'far0');
  farIp('link', 'set', 'far0', 'up');
  return {
    far: (command, ...rest) =>
      spawn('ip', ['netns', 'exec', farNamespace, command, ...rest], { stdio: ['ignore', 'pipe', 'pipe'] }),
    async end() {
      cable.kill('SIGTERM');
      if (cable.exitCode === null) await once(cable, 'close');
      return printed.slice(1).map((line) => JSON.parse(line) as PathReport);
    },
  };
}

/** The guest's MAC address is known on the far side: no ARP is lost or waited for. */
export function knowNeighbours(guestAddress: string): void {
  farIp('neighbour', 'replace', guestAddress, 'lladdr', guestMac, 'nud', 'permanent', 'dev', 'far0');
  farIp(
    'neighbour',
    'replace',
    hostAddress,
    'lladdr',
    '02:00:00:00:77:01',
    'nud',
    'permanent',
    'dev',
    'far0',
  );
}
