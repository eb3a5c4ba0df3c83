/**
 * A user of a bare host: no privileges, an empty home, a PATH with node and npm and no compiler; the workspace is not
 * there (an empty file system covers it).
 *
 * In: the programs that the host has. Out: commands run as that user. May import: node's own modules. Needs root.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Belongs to nobody here. */
const userId = 61_234;

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export interface BareUser {
  home: string;
  /** Runs a command to its end, in a directory below home. */
  run(directory: string, ...command: string[]): Promise<Outcome>;
  /** Starts a command in a process group of its own; its output can be read. */
  start(directory: string, ...command: string[]): ChildProcess;
  remove(): void;
}

function findProgram(name: string): string {
  const path = (process.env.PATH ?? '')
    .split(':')
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
  assert.ok(path, `${name} is not installed: npm run setup`);
  return path;
}

/** Makes the user; `programs` are all that PATH has, `repository` cannot be seen. */
export function bareUser(
  programs: readonly string[],
  repository: string,
  settings: Record<string, string>,
  patienceMs: number,
): BareUser {
  const root = mkdtempSync(join(tmpdir(), 'noos-bare-'));
  chmodSync(root, 0o755);
  const [tools, home] = [join(root, 'bin'), join(root, 'home')];
  mkdirSync(tools);
  mkdirSync(join(home, 'tmp'), { recursive: true });
  for (const path of [home, join(home, 'tmp')]) chownSync(path, userId, userId);
  for (const name of programs) symlinkSync(findProgram(name), join(tools, name));

  const environment = {
    PATH: tools,
    HOME: home,
    TMPDIR: join(home, 'tmp'),
    NO_COLOR: '1',
    ...settings,
  };
  const id = String(userId);
  const words = (command: readonly string[]): string[] => [
    ...['--mount', '/bin/sh', '-c', `/bin/mount -t tmpfs -o mode=0 none "$0" && exec "$@"`, repository],
    ...['/usr/bin/setpriv', '--reuid', id, '--regid', id, '--clear-groups', '--no-new-privs', '--'],
    ...command,
  ];
  return {
    home,
    run: (directory, ...command) =>
      new Promise((resolve) => {
        execFile(
          '/usr/bin/unshare',
          words(command),
          { cwd: join(home, directory), env: environment, timeout: patienceMs },
          (error, out, err) =>
            resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
        );
      }),
    start: (directory, ...command) =>
      spawn('/usr/bin/unshare', words(command), {
        cwd: join(home, directory),
        env: environment,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
