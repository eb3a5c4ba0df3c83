/**
 * For tests of `docker build`: contexts, builds and what they say, what they must not leave.
 *
 * In: files. Out: images, texts with changing IDs replaced. May import: the fixtures.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Outcome, startDaemon, type TestDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

export type Files = Readonly<Record<string, string | Uint8Array>>;

export const link = (target: string): string => `-> ${target}`;

/** A directory with these files; `-> x` is a link. */
export function contextOf(daemon: TestDaemon, files: Files): string {
  const directory = mkdtempSync(join(daemon.scratch, 'context-'));
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'string' && content.startsWith('-> ')) symlinkSync(content.slice(3), path);
    else writeFileSync(path, content);
  }
  return directory;
}

export const classic = { DOCKER_BUILDKIT: '0' };

export interface Built extends Outcome {
  /** Output with changing IDs replaced. */
  shape: string;
}

export const shapeOf = (text: string): string =>
  text
    .replace(/^DEPRECATED:.*\n(?: {4}.*\n)*\n?/gm, '')
    .replace(/^Sending build context[^\n]*\n/m, '')
    .replaceAll(/[0-9a-f]{64}/g, 'SUM')
    .replaceAll(/(?<= ---> |Running in |container |built )[0-9a-f]{12}/g, 'ID');

export async function build(
  daemon: TestDaemon,
  files: Files,
  flags: readonly string[] = [],
  cli = 'docker',
): Promise<Built> {
  const directory = contextOf(daemon, files);
  const outcome = await daemon.run(cli, ['build', ...flags, directory], { env: classic });
  return { ...outcome, shape: shapeOf(outcome.stdout) };
}

export async function built(daemon: TestDaemon, files: Files, flags: readonly string[] = []): Promise<Built> {
  const outcome = await build(daemon, files, flags);
  assert.equal(outcome.code, 0, `${outcome.stdout}${outcome.stderr}`);
  return outcome;
}

export async function start(t: TestContext): Promise<TestDaemon> {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  return daemon;
}

export async function inspect<T>(daemon: TestDaemon, image: string, template: string): Promise<T> {
  return JSON.parse(await daemon.ok('image', 'inspect', '--format', `{{json ${template}}}`, image)) as T;
}

export const run = (daemon: TestDaemon, image: string, command: string): Promise<string> =>
  daemon.ok('run', '--rm', '--network', 'none', '--entrypoint', '/bin/sh', image, '-c', command);

export async function leavesNothing(daemon: TestDaemon): Promise<void> {
  assert.equal(await daemon.ok('ps', '-aq'), '');
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'tmp')), []);
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'builds')), []);
  assert.deepEqual(readdirSync(join(daemon.dataRoot, 'layers/roots')), []);
}
