/**
 * Runs a program of the host: arguments as a list (never a shell), input by stdin, output bounded.
 *
 * In: program, arguments, input. Out: its output, or CommandError. May import: nothing of the daemon.
 */
import { spawn } from 'node:child_process';

/** A program that failed; `stderr` is what it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly command: string,
    readonly status: number | string,
    readonly stderr: string,
  ) {
    super(`${command} failed (${status}): ${stderr.trim()}`);
  }
}

const outputLimitBytes = 16 * 2 ** 20;

/**
 * Runs `command[0]` with the rest as arguments; resolves with its standard output, rejects with CommandError.
 * `environment` comes on top of the daemon's own.
 */
export function run(
  command: readonly [string, ...string[]],
  input?: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [program, ...commandArguments] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, commandArguments, {
      env: { ...process.env, ...environment },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    child.on('error', (error) => reject(new CommandError(program, 'not started', error.message)));
    const output = { stdout: '', stderr: '' };
    // Without descriptors (EMFILE) there are no pipes; the error event follows.
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length < outputLimitBytes) output[name] += text;
      });
    child.on('close', (status, signal) =>
      status === 0
        ? resolve(output.stdout)
        : reject(new CommandError(program, status ?? signal ?? 'unknown', output.stderr || output.stdout)),
    );
    child.stdin?.on('error', () => {}).end(input);
  });
}
