/**
 * Other machines on the network: namespaces joined to the host by a cable each, and what to ask containers with.
 *
 * In: a test. Out: hosts that can connect and serve; gone when the test ends. May import: daemon.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, runProgram, type TestDaemon } from './daemon.js';
import { importProgramImage } from './program-image.js';

export interface ExternalHost {
  /** Its own addresses, the host's on the same cable. */
  address: string;
  address6: string;
  gateway: string;
  gateway6: string;
  /** The host's end of the cable. */
  interface: string;
  run(program: string, ...words: string[]): Promise<Outcome>;
  /** A program that runs until the test ends. */
  serve(program: string, ...words: string[]): ChildProcess;
}

const ip = (...words: string[]): void => {
  execFileSync('ip', words, { stdio: ['ignore', 'pipe', 'pipe'] });
};

/** With `addressed` false neither end has addresses: a cable for macvlan. */
export function externalHost(
  t: Pick<TestContext, 'after'>,
  { addressed = true }: { addressed?: boolean } = {},
): ExternalHost {
  const id = randomBytes(3).toString('hex');
  // RFC 2544's benchmarking block: nobody routes it.
  const net = `198.${randomInt(18, 20)}.${randomInt(256)}`;
  const net6 = `fd00:198:${randomInt(0x1000, 0x10000).toString(16)}`;
  const [name, outside, inside] = [`noos-${id}`, `nx${id}`, `ny${id}`];
  const children = new Set<ChildProcess>();
  ip('netns', 'add', name);
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
    ip('netns', 'del', name);
  });
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name);
  ip('link', 'set', outside, 'up');
  for (const link of ['lo', inside]) ip('-n', name, 'link', 'set', link, 'up');
  if (addressed) {
    ip('addr', 'add', `${net}.1/24`, 'dev', outside);
    ip('addr', 'add', `${net6}::1/64`, 'dev', outside, 'nodad');
    ip('-n', name, 'addr', 'add', `${net}.2/24`, 'dev', inside);
    ip('-n', name, 'addr', 'add', `${net6}::2/64`, 'dev', inside, 'nodad');
    ip('-n', name, 'route', 'add', 'default', 'via', `${net}.1`);
    ip('-n', name, 'route', 'add', 'default', 'via', `${net6}::1`);
  }
  const inNamespace = (words: string[]): string[] => [`--net=/run/netns/${name}`, ...words];
  return {
    address: `${net}.2`,
    address6: `${net6}::2`,
    gateway: `${net}.1`,
    gateway6: `${net6}::1`,
    interface: outside,
    run: (program, ...words) => runProgram('nsenter', inNamespace([program, ...words])),
    serve(program, ...words) {
      const child = spawn('nsenter', inNamespace([program, ...words]), { stdio: 'ignore' });
      children.add(child);
      return child;
    },
  };
}

/** Image `net`: busybox and socat. */
export const importNetImage = (daemon: TestDaemon): Promise<string> =>
  importProgramImage(daemon, {
    name: 'net',
    programs: ['/usr/bin/socat'],
    changes: ['CMD ["sleep", "1000"]'],
  });

/** Words for socat: a service that answers whoever connects with the address it sees. */
export const mirror = (port: number, kind = 'TCP4'): string[] => [
  'socat',
  kind.startsWith('UDP')
    ? `${kind}-RECVFROM:${port},fork`
    : `${kind}-LISTEN:${port},fork,reuseaddr${kind === 'TCP6' ? ',ipv6only=1' : ''}`,
  'SYSTEM:echo $SOCAT_PEERADDR',
];

/** Connects and prints what comes. */
export const asking = (address: string, port: number, kind = 'TCP'): string[] => {
  const target = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return kind === 'UDP'
    ? ['sh', '-c', `echo question | socat -T1 - UDP:${target}`]
    : ['socat', '-T3', '-u', `TCP:${target},connect-timeout=2`, '-'];
};

export type Asker = (...words: string[]) => Promise<Outcome>;

/** The answer of the mirror, "" for none. Tries for a while: services take time to start. */
export async function ask(from: Asker, address: string, port: number, kind = 'TCP'): Promise<string> {
  for (const end = Date.now() + 15_000; ; await sleep(100)) {
    const { code, stdout } = await from(...asking(address, port, kind));
    if ((code === 0 && stdout !== '') || Date.now() > end) return stdout.trim();
  }
}

/** Fails when anybody answers; asks once, after `ask` has shown that the service is there. */
export async function nobodyAnswers(from: Asker, address: string, port: number): Promise<void> {
  const { stdout } = await from(...asking(address, port));
  assert.equal(stdout, '', `${address} port ${port} must not answer`);
}

/** From the host itself, from an external host, from inside a container. */
export const fromHost: Asker = (program, ...words) => runProgram(program!, words);
export const fromExternal =
  (host: ExternalHost): Asker =>
  (program, ...words) =>
    host.run(program!, ...words);
export const fromContainer =
  (daemon: TestDaemon, name: string): Asker =>
  (...words) =>
    daemon.docker('exec', '-i', name, ...words);

/** The daemon's table, as the default one is named for another data root. */
export const tableOf = (daemon: TestDaemon): string =>
  `noos-${createHash('sha256').update(daemon.dataRoot).digest('hex').slice(0, 6)}`;

/** What the daemon has in the kernel: its table, its links, its control groups, its namespaces. */
export function traces(daemon: TestDaemon): string[] {
  const found = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line.endsWith(` ${tableOf(daemon)}`));
  const links = JSON.parse(execFileSync('ip', ['-json', 'link'], { encoding: 'utf8' })) as {
    ifname: string;
    ifalias?: string;
  }[];
  for (const { ifname, ifalias } of links) if (ifalias === tableOf(daemon)) found.push(ifname);
  for (const hierarchy of ['', ...readdirSync('/sys/fs/cgroup')]) {
    const group = join('/sys/fs/cgroup', hierarchy, tableOf(daemon));
    if (existsSync(group)) found.push(group);
  }
  const namespaces = join(daemon.execRoot, 'netns');
  return [...found, ...(existsSync(namespaces) ? readdirSync(namespaces) : [])];
}
