/**
 * A corpus of small Dockerfiles: what `docker build` prints for each is what it prints with Debian's dockerd 20.10.
 *
 * `corpus.json` beside the sources holds Dockerfiles and outputs. With NOOS_RECORD_CORPUS=unix:///path the outputs
 * are taken from the engine at that socket (which needs the test's busybox image) and written there.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type Outcome, runProgram, startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

interface Case {
  name: string;
  dockerfile: string;
  /** Output and exit code, IDs replaced. */
  output: string;
}

const corpusFile = join(import.meta.dirname, '../../daemon/dockerfiles/corpus.json');
/** As many as keep two cores busy. */
const buildersAtOnce = 3;
const reference = process.env.NOOS_RECORD_CORPUS;

/** Files that the Dockerfiles of the corpus speak of. */
function makeContext(directory: string): void {
  for (const name of ['d/sub', 'sp ace']) mkdirSync(join(directory, name), { recursive: true });
  const files = {
    a: 'A\n',
    b: 'B\n',
    'd/1.txt': '1\n',
    'd/sub/3': '3\n',
    'sp ace/x y': 's\n',
    'fake.tar': 'no\n',
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  writeFileSync(join(directory, 'plain.gz'), gzipSync('plain'));
  for (const [name, target] of [
    ['la', 'a'],
    ['ld', 'd'],
    ['lp', '/etc/passwd'],
    ['broken', 'nowhere'],
  ] as const)
    symlinkSync(target, join(directory, name));
  execFileSync('tar', ['-czf', 't.tgz', 'a', 'b'], { cwd: directory });
  execFileSync('tar', ['-cf', 't.tar', 'd'], { cwd: directory });
}

const shapeOf = ({ stdout, stderr, code }: Outcome): string =>
  `${stdout.replace(/^Sending build context[^\n]*\n/m, '')}${stderr.replace(/^DEPRECATED:.*\n(?: {4}.*\n)*\n?/gm, '')}exit ${code}\n`
    .replaceAll(/(?<=Running in |container )[0-9a-f]{12}/g, 'ID')
    .replaceAll(/(?<=^ ---> |built )[0-9a-f]{12}$/gm, 'ID')
    .replaceAll(/\.dockerfile\.[0-9a-f]+/g, 'Dockerfile')
    // The place that this engine adds.
    .replaceAll(/ \(line \d+, column \d+\)/g, '');

test('Dockerfiles are built as by dockerd, step by step', { timeout: 1_800_000 }, async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  const context = join(daemon.scratch, 'context');
  makeContext(context);
  const cases = JSON.parse(readFileSync(corpusFile, 'utf8')) as Case[];
  const host = reference ?? `unix://${daemon.socket}`;
  const shapes = new Map<string, string>();
  const waiting = [...cases];
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const file = join(daemon.scratch, `${one.name}.Dockerfile`);
      writeFileSync(file, one.dockerfile);
      const words = ['-H', host, 'build', '--no-cache', '--network', 'none', '-f', file, context];
      const outcome = await runProgram('/usr/bin/docker', words, { env: { DOCKER_BUILDKIT: '0' } });
      shapes.set(one.name, shapeOf(outcome));
    }
  };
  await Promise.all(Array.from({ length: buildersAtOnce }, work));
  for (const one of cases) {
    const shape = shapes.get(one.name)!;
    if (reference !== undefined) one.output = shape;
    else await t.test(one.name, () => assert.equal(shape, one.output));
  }
  if (reference !== undefined) writeFileSync(corpusFile, `${JSON.stringify(cases, undefined, 1)}\n`);
});
