/**
 * A network namespace with a TAP device for a unikernel and the kernel's stack on its other side.
 *
 * In: root, iproute2. Out: commands inside. A benchmark calls `enterNamespace` first: it runs the same file again
 * inside a new namespace and removes the namespace afterwards, so that what is timed starts without `ip netns exec`.
 */
import { execFileSync, spawnSync } from 'node:child_process';

export const hostAddress = '10.77.0.1';
export const guestAddress = '10.77.0.2';
export const guestMac = '02:00:00:00:77:02';
export const tapName = 'tap0';

const marker = 'NOOS_BENCH_NAMESPACE';

/** Returns inside the namespace only; outside it waits for the inner run and ends the process with its status. */
export function enterNamespace(): void {
  if (process.env[marker] !== undefined) return;
  if (process.getuid?.() !== 0) {
    console.error('benchmarks create network namespaces: run them as root');
    process.exit(1);
  }
  const name = `noos-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  let status: number | null = 1;
  try {
    ({ status } = spawnSync('ip', ['netns', 'exec', name, process.execPath, ...process.argv.slice(1)], {
      stdio: 'inherit',
      env: { ...process.env, [marker]: name },
    }));
  } finally {
    execFileSync('ip', ['netns', 'delete', name]);
  }
  process.exit(status ?? 1);
}

/** Creates the TAP device with the host's address; the guest's MAC is known, so that no ARP is waited for. */
export function createTap(): void {
  const ip = (...words: string[]): void => void execFileSync('ip', words);
  ip('link', 'set', 'lo', 'up');
  ip('tuntap', 'add', 'dev', tapName, 'mode', 'tap', 'vnet_hdr');
  ip('address', 'add', `${hostAddress}/24`, 'dev', tapName);
  ip('link', 'set', tapName, 'up');
  ip('neighbour', 'replace', guestAddress, 'lladdr', guestMac, 'nud', 'permanent', 'dev', tapName);
}

/** Arguments of `runtime-process` for an image on that device. */
export function tapArguments(image: string): string[] {
  return [image, '--tap', tapName, '--mac', guestMac, '--ip', `${guestAddress}/24`, '--gateway', hostAddress];
}
