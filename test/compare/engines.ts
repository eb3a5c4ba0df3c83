/**
 * The two engines that are compared: Debian's dockerd, and this one; each with data, socket and bridge of its own.
 *
 * In: a directory. Out: running engines. May import: nothing of the daemon.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Engine {
  readonly name: 'dockerd' | 'noos';
  readonly directory: string;
  readonly host: string;
  stop(): Promise<void>;
}

const patienceMs = 60_000;
const repository = join(import.meta.dirname, '../../..');

async function start(
  name: Engine['name'],
  directory: string,
  command: readonly string[],
  after: () => void,
): Promise<Engine> {
  const socket = join(directory, 'engine.sock');
  const log = openSync(join(directory, 'log'), 'a');
  const flags = ['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'run')];
  const [program, ...words] = [...command, ...flags, '-H', `unix://${socket}`, '-p', join(directory, 'pid')];
  const child = spawn(program!, words, { stdio: ['ignore', log, log] });
  closeSync(log);
  const deadline = Date.now() + patienceMs;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      after();
      throw new Error(`${name} did not start:\n${readFileSync(join(directory, 'log'), 'utf8')}`);
    }
    await sleep(50);
  }
  return {
    name,
    directory,
    host: `unix://${socket}`,
    async stop() {
      const died = child.exitCode !== null || child.signalCode !== null;
      if (!died) {
        const exit = once(child, 'exit');
        child.kill('SIGTERM');
        await exit;
      }
      after();
      if (died)
        throw new Error(`${name} died:\n${readFileSync(join(directory, 'log'), 'utf8').slice(-4000)}`);
    },
  };
}

const bridge = 'nooscmp0';
const ip = (...words: string[]): void => void execFileSync('ip', words, { stdio: 'ignore' });

/** Without rules of its own on the host: it must not get in the way of others that run there. */
export function startDockerd(directory: string): Promise<Engine> {
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('address', 'add', '10.213.0.1/24', 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  return start(
    'dockerd',
    directory,
    ['dockerd', '-b', bridge, '--iptables=false', '--ip-masq=false', '--containerd-namespace', 'nooscmp'],
    () => ip('link', 'delete', bridge),
  );
}

export function startNoos(directory: string): Promise<Engine> {
  const bin = join(repository, 'packages/cli/bin/noos.mjs');
  return start(
    'noos',
    directory,
    [process.execPath, bin, 'daemon', '-b', 'nooscmp1', '--bip', '10.214.0.1/24'],
    () => {},
  );
}
