/**
 * Face of the package: the command line as a function.
 *
 * In: arguments. Out: an exit code. May import: the program.
 */
import { CommanderError } from 'commander';
import { exitCodeOf, exitCodes, isNamed } from './errors.js';
import { createProgram } from './program.js';
import { style } from './terminal.js';
import { version } from './version.js';

export { exitCodes } from './errors.js';

/** Runs the command line; errors become one line on standard error. With NOOS_DEBUG set, their stack too. */
export async function main(commandLine: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.ok;
  // Whoever reads our output may stop in the middle of it (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCode);
  });
  const program = createProgram(version, (code) => {
    exitCode = code;
  });
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(commandLine, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const message = error instanceof Error ? error.message : String(error);
    // What the application wrote while it was evaluated at build: the error and its stack.
    if (isNamed(error, 'ImageError')) process.stderr.write(String(error.console));
    process.stderr.write(`${style('red', 'noos:')} ${message}\n`);
    if (process.env.NOOS_DEBUG) process.stderr.write(`${(error as Error).stack}\n`);
    return exitCodeOf(error);
  }
}
