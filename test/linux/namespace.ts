/**
 * A Linux network namespace as an external host: created, used and removed by one test file.
 *
 * In: iproute2, root. Out: commands and processes inside the namespace. May import: nothing of Noos.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';

export interface Namespace {
  readonly name: string;
  /** Runs a command inside to its end and returns its output; throws with its error text when it fails. */
  run(command: string, ...commandArguments: string[]): string;
  /** Starts a process inside. */
  spawn(command: string, ...commandArguments: string[]): ChildProcess;
  /** Ends what still runs inside and removes the namespace. */
  remove(): void;
}

/** Creates the namespace `noos-test-<label>-<pid>` with its loopback device up. Needs root. */
export function createNamespace(label: string): Namespace {
  if (process.getuid?.() !== 0) throw new Error('this test creates network namespaces: run it as root');
  const name = `noos-test-${label}-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  const children: ChildProcess[] = [];
  const inside = (command: string, commandArguments: string[]): string[] => [
    'netns',
    'exec',
    name,
    command,
    ...commandArguments,
  ];
  const namespace: Namespace = {
    name,
    run: (command, ...commandArguments) =>
      execFileSync('ip', inside(command, commandArguments), {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    spawn(command, ...commandArguments) {
      const child = spawn('ip', inside(command, commandArguments), { stdio: ['pipe', 'pipe', 'inherit'] });
      children.push(child);
      return child;
    },
    remove() {
      for (const child of children) child.kill('SIGKILL');
      execFileSync('ip', ['netns', 'delete', name]);
    },
  };
  namespace.run('ip', 'link', 'set', 'lo', 'up');
  return namespace;
}
