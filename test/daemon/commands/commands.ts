/**
 * The language of the command suite: a command line as people type it, and what it must answer.
 *
 * In: lines. Out: outcomes, checked and counted. May import: daemon.
 */
import assert from 'node:assert/strict';
import type { Outcome, RunOptions, TestDaemon } from '../daemon.js';

/** The whole trimmed output, or a pattern in it. */
export type Text = string | RegExp;

export interface Expectation extends RunOptions {
  /** Exit code; 0 when absent. */
  code?: number;
  out?: Text;
  err?: Text;
}

export interface Commands {
  readonly daemon: TestDaemon;
  /** Docker 23 or newer: flags and texts that Debian's 20.10 does not have. */
  readonly modern: boolean;
  /** Name of the image with busybox. */
  readonly image: string;
  /** Runs `docker <line>`; words as in a shell, with single quotes. Resolves with the trimmed standard output. */
  (line: string, expected?: Text | Expectation): Promise<string>;
  /** The lines run so far. */
  readonly lines: readonly string[];
}

/** Splits as sh does for plain words and single quotes. */
export const wordsOf = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll("'", ''));

function check(
  line: string,
  what: string,
  actual: string,
  expected: Text | undefined,
  outcome: Outcome,
): void {
  const told = `docker ${line}: ${what}\n--- stdout\n${outcome.stdout}--- stderr\n${outcome.stderr}---`;
  if (typeof expected === 'string') assert.equal(actual.trim(), expected, told);
  else if (expected) assert.match(actual, expected, told);
}

export function createCommands(daemon: TestDaemon, cli: string, modern: boolean, image: string): Commands {
  const lines: string[] = [];
  const run = async (line: string, expected: Text | Expectation = {}): Promise<string> => {
    const {
      code = 0,
      out,
      err,
      ...options
    }: Expectation = typeof expected === 'string' || expected instanceof RegExp
      ? { out: expected }
      : expected;
    lines.push(line);
    const outcome = await daemon.run(cli, wordsOf(line), {
      ...options,
      env: { DOCKER_BUILDKIT: '0', ...options.env },
    });
    check(line, 'exit code', `${outcome.code}`, `${code}`, outcome);
    check(line, 'standard output', outcome.stdout, out, outcome);
    check(line, 'standard error', outcome.stderr, err, outcome);
    return outcome.stdout.trim();
  };
  return Object.assign(run, { daemon, modern, image, lines });
}

/** Repeats a question until its answer fits. */
export async function until(question: () => Promise<string>, fits: RegExp): Promise<void> {
  let answer = '';
  for (const end = Date.now() + 10_000; Date.now() < end; ) {
    answer = await question();
    if (fits.test(answer)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.match(answer, fits, 'not within 10 s');
}
