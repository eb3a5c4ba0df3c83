/**
 * `npm run compare:docker`: runs the steps against both engines and prints what differs. Fails on what is not explained.
 *
 * In: nothing, or the number of the first step. Out: a report, exit code 1 for an unexplained difference.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountsBelow, type Outcome, runProgram } from '../daemon/daemon.js';
import { busyboxImage, dockerArchive } from '../daemon/images.js';
import { explained } from './differences.js';
import { type Engine, startDockerd, startNoos } from './engines.js';
import { difference, flatten, normaliseText } from './normalise.js';
import { configLines, readConfig } from './oci-config.js';
import { type Step, steps } from './steps.js';

/** The command line of the same release as the reference: both engines are asked in version 1.41. */
const cli = '/usr/bin/docker';

/** Lines of an outcome to compare. */
function linesOf(step: Step, { code, stdout, stderr }: Outcome, directory: string): string[] {
  const first = [`exit code ${code}`];
  if (step.codeOnly) return first;
  if (step.ociConfig && code === 0)
    return [
      ...first,
      ...configLines(readConfig(directory, stdout.trim())).flatMap((line) => normaliseText(line, directory)),
    ];
  if (step.json && code === 0)
    return [...first, ...flatten(JSON.parse(stdout)).flatMap((line) => normaliseText(line, directory))];
  return [
    ...first,
    ...normaliseText(stdout, directory),
    ...normaliseText(stderr, directory).map((line) => `stderr: ${line}`),
  ];
}

async function runStep(engine: Engine, step: Step, archive: string): Promise<string[]> {
  const files = join(engine.directory, 'files');
  const words = step.words.map((word) => word.replaceAll('ARCHIVE', archive).replaceAll('DIR', files));
  const env = {
    DOCKER_HOST: engine.host,
    DOCKER_CONFIG: join(engine.directory, 'config'),
    DOCKER_BUILDKIT: '0',
  };
  const outcome = await runProgram(cli, words, {
    ...(step.input === undefined ? {} : { input: step.input }),
    env,
  });
  const lines = linesOf(step, outcome, engine.directory);
  if (step.ociConfig) await runProgram(cli, ['rm', '-f', outcome.stdout.trim()], { env });
  return lines;
}

/** Removes what is left of an earlier step, so that an engine can be stopped at once. */
async function clear(engine: Engine): Promise<void> {
  const env = { DOCKER_HOST: engine.host };
  const { stdout } = await runProgram(cli, ['ps', '-aq'], { env });
  if (stdout.trim() !== '') await runProgram(cli, ['rm', '-f', ...stdout.trim().split('\n')], { env });
}

/** First step to run, for work on one group. */
const from = Number(process.argv[2] ?? 0);
const directory = mkdtempSync(join(tmpdir(), 'noos-compare-'));
const archive = join(directory, 'busybox.tar');
writeFileSync(archive, await dockerArchive(busyboxImage()));
const engines: Engine[] = [];
let unexplained = 0;
const used = new Set<number>();
try {
  for (const [name, start] of [
    ['reference', startDockerd],
    ['noos', startNoos],
  ] as const) {
    const own = join(directory, name);
    mkdirSync(join(own, 'files'), { recursive: true });
    engines.push(await start(own));
  }
  const load = steps.filter(({ words }) => from > 0 && words.includes('ARCHIVE'));
  for (const step of [...load, ...steps.slice(from)]) {
    const line = step.words.join(' ');
    const [reference, ours] = await Promise.all(engines.map((engine) => runStep(engine, step, archive)));
    const { missing, extra } = difference(reference!, ours!);
    const explains = (text: string): number =>
      explained.findIndex((one) => one.step.test(line) && one.line.test(text));
    const report = [...missing.map((text) => ['-', text]), ...extra.map((text) => ['+', text])] as [
      string,
      string,
    ][];
    const open = report.filter(([, text]) => {
      const index = explains(text);
      if (index >= 0) used.add(index);
      return index < 0;
    });
    if (open.length === 0) continue;
    unexplained += open.length;
    console.log(`docker ${line}`);
    for (const [side, text] of open) console.log(`  ${side} ${text}`);
  }
} finally {
  for (const engine of engines) {
    await clear(engine);
    await engine.stop();
  }
  // dockerd leaves mounts of its namespaces.
  for (const path of mountsBelow(directory).reverse()) execFileSync('umount', ['-l', path]);
  rmSync(directory, { recursive: true, force: true });
}
explained.forEach((one, index) => {
  if (!used.has(index)) console.log(`no longer seen: ${one.what}`);
});
console.log(
  `${steps.length} commands, ${used.size} explained differences, ${unexplained} unexplained (- dockerd, + noos)`,
);
process.exitCode = unexplained === 0 ? 0 : 1;
