/**
 * COPY and ADD: finds the sources, asks the cache, copies into the stage's files.
 *
 * In: an instruction with variables replaced. Out: a layer on the stage. May import: archive, the copy files, stage.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { decompress } from '../../archive/decompress.js';
import { extractTar } from '../../archive/extract.js';
import { parseHeader } from '../../archive/header.js';
import { errnoOf } from '../../errors.js';
import { download, isUrl } from '../../images/download.js';
import { withProgress } from '../context/context.js';
import { createIgnore } from '../context/ignore.js';
import { fileErrorBelow, resolveInRoot, statMaybe } from '../context/scope.js';
import type { CopyFields } from '../dockerfile/instructions.js';
import { withOneComment } from '../steps/run-config.js';
import { type Build, changeFiles, commitStep, probe, type StageState } from '../steps/stage.js';
import { combinedSum, fileSum } from './file-sum.js';
import { copyDirectory, copySingle, makeDirectories } from './files.js';
import { type Owner, parseMode, parseOwner } from './owner.js';
import { type CopySource, findSources, type SourceTree } from './sources.js';

export interface CopyStep {
  name: 'ADD' | 'COPY';
  fields: CopyFields;
  /** Where sources come from; undefined: no context was given. */
  tree: SourceTree | undefined;
  /** COPY --from without --chown keeps owners. */
  keepOwners: boolean;
  /** ADD: local archives are unpacked, with --unpack also downloaded ones. */
  unpack: 'never' | 'local' | 'always';
  checksum: string;
}

const unnamedFile = '__unnamed__';
/** So much is read to tell whether a file is an archive: compressors need some input before they give a block. */
const probeBytes = 64 * 1024;

/** Whether the file is a tar archive, compressed or not. */
async function isArchive(path: string): Promise<boolean> {
  if (!(await statMaybe(path))?.isFile()) return false;
  const input = createReadStream(path, { end: probeBytes - 1 });
  try {
    let start = Buffer.alloc(0);
    for await (const chunk of await decompress(input)) {
      start = Buffer.concat([start, chunk as Buffer]);
      if (start.length >= 512) return parseHeader(start.subarray(0, 512)) !== undefined;
    }
    return false;
  } catch {
    return false;
  } finally {
    input.destroy();
  }
}

/** Fetches one URL of ADD into a directory of its own. */
async function fetchSource(
  build: Build,
  url: string,
  step: CopyStep,
  directory: string,
): Promise<CopySource> {
  const found = await download(url, build.signal);
  if (found.fileName === '' && step.fields.destination.endsWith('/')) {
    found.body.destroy();
    throw new Error(`cannot determine filename for source ${url}`);
  }
  const name = found.fileName || unnamedFile;
  await mkdir(directory, { recursive: true });
  const path = join(directory, name);
  const hash = createHash('sha256');
  const body = withProgress(found, { status: 'Downloading' }, build.report);
  body.on('data', (chunk: Buffer) => hash.update(chunk));
  await pipeline(body, createWriteStream(path, { mode: 0o600 }), { signal: build.signal });
  build.out('\n');
  const digest = `sha256:${hash.digest('hex')}`;
  if (step.checksum !== '' && step.checksum !== digest)
    throw new Error(`digest mismatch ${digest}: ${step.checksum}`);
  const modified = found.modified ?? new Date(0);
  await utimes(path, modified, modified);
  const sum = await fileSum(path, name, await stat(path));
  return { root: directory, path: name, sum, keepPacked: step.unpack !== 'always' };
}

/** A file that stands in the Dockerfile. */
async function inlineSource(
  directory: string,
  file: CopyFields['files'][number],
  expand: (text: string) => string,
): Promise<CopySource> {
  await mkdir(directory, { recursive: true });
  const name = basename(file.name);
  const path = join(directory, name);
  await writeFile(path, file.expand ? expand(file.content) : file.content, { mode: 0o644 });
  await utimes(path, 0, 0);
  return {
    root: directory,
    path: name,
    sum: `file:${await fileSum(path, name, await stat(path))}`,
    keepPacked: true,
  };
}

const isDirectory = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
};

interface Placement {
  root: string;
  /** As written, absolute; a slash at its end means a directory. */
  destination: string;
  owner: Owner | undefined;
  mode: number | undefined;
  ignore: ((path: string) => boolean) | undefined;
  signal: AbortSignal;
}

async function place(source: CopySource, step: CopyStep, placement: Placement): Promise<void> {
  const from = await resolveInRoot(source.root, source.path);
  let to = await resolveInRoot(placement.root, placement.destination);
  const options = {
    signal: placement.signal,
    ...(placement.owner && { owner: placement.owner }),
    ...(placement.mode !== undefined && { mode: placement.mode }),
    ...(placement.ignore && { ignore: placement.ignore }),
  };
  if (await isDirectory(from)) {
    if ((await statMaybe(to)) && !(await isDirectory(to)))
      throw new Error(
        `failed to copy files: failed to copy directory: mkdir ${placement.destination}: not a directory`,
      );
    await copyDirectory(from, to, options);
    return;
  }
  if (step.unpack !== 'never' && !source.keepPacked && (await isArchive(from))) {
    if ((await statMaybe(to)) && !(await isDirectory(to)))
      throw new Error(`failed to copy files: unpacking into ${placement.destination}: not a directory`);
    await makeDirectories(to, { uid: 0, gid: 0 });
    await extractTar(await decompress(createReadStream(from)), to);
    return;
  }
  if (placement.destination.endsWith('/') || (await isDirectory(to))) {
    // What stands there may be a link: it is replaced, not followed, as for every file of an archive.
    to = join(to, basename(source.path));
  }
  await copySingle(from, to, options);
}

/** One checksum for the whole instruction. */
export const sumOfSources = (sources: readonly CopySource[]): string =>
  sources.length === 1
    ? sources[0]!.sum
    : combinedSum(
        'multi',
        sources.map(({ sum }) => sum),
      );

async function gather(
  build: Build,
  step: CopyStep,
  scratch: () => Promise<string>,
  expand: (text: string) => string,
): Promise<CopySource[]> {
  const { fields } = step;
  const exclude = fields.exclude.length > 0 ? createIgnore(fields.exclude) : undefined;
  const sources: CopySource[] = [];
  let count = 0;
  for (const written of fields.sources) {
    if (isUrl(written)) {
      if (step.name === 'COPY') throw new Error("source can't be a URL for COPY");
      sources.push(await fetchSource(build, written, step, join(await scratch(), `${count++}`)));
      continue;
    }
    if (step.checksum !== '') throw new Error("checksum can't be specified for non-HTTP(S) sources");
    if (!step.tree) throw new Error('missing build context');
    sources.push(...(await findSources(step.tree, written, exclude)));
  }
  for (const file of fields.files)
    sources.push(await inlineSource(join(await scratch(), `${count++}`), file, expand));
  if (sources.length === 0) throw new Error('no source files were specified');
  return sources;
}

/** Runs the instruction; `expand` replaces variables in the content of heredocs. */
export async function copyStep(
  build: Build,
  stage: StageState,
  step: CopyStep,
  expand: (text: string) => string,
): Promise<void> {
  const { fields, name } = step;
  let directory: string | undefined;
  const scratch = async (): Promise<string> => {
    directory ??= await mkdtemp(join(build.temporary, 'copy-'));
    return directory;
  };
  try {
    const mode = fields.chmod === '' ? undefined : parseMode(fields.chmod);
    const sources = await gather(build, step, scratch, expand).catch((error: unknown) => {
      build.signal.throwIfAborted();
      throw new Error(`${name} failed: ${error instanceof Error ? error.message : error}`, { cause: error });
    });
    const { destination } = fields;
    if (sources.length > 1 && !destination.endsWith('/'))
      throw new Error(
        `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
      );
    const flags =
      (fields.chown === '' ? '' : `--chown=${fields.chown} `) +
      (fields.chmod === '' ? '' : `--chmod=${fields.chmod} `);
    const config = withOneComment(
      stage.config,
      `${name} ${flags}${sumOfSources(sources)} in ${destination} `,
    );
    if (await probe(build, stage, config)) return;
    const absolute = destination.startsWith('/')
      ? destination
      : posix.join('/', stage.config.WorkingDir ?? '', destination) +
        (/(?:^|\/)\.?$/.test(destination) && destination !== '' ? '/' : '');
    const layer = await changeFiles(build, stage, async (root) => {
      const owner =
        fields.chown !== ''
          ? await parseOwner(root, fields.chown)
          : step.keepOwners
            ? undefined
            : { uid: 0, gid: 0 };
      const ignore = fields.exclude.length > 0 ? createIgnore(fields.exclude) : undefined;
      for (const source of sources) {
        build.signal.throwIfAborted();
        const placement = { root, destination: absolute, owner, mode, ignore, signal: build.signal };
        await place(source, step, placement).catch((error: unknown) => {
          const text = fileErrorBelow(root, error);
          throw text === undefined ? error : new Error(`failed to copy files: ${text}`, { cause: error });
        });
      }
    });
    await commitStep(build, stage, config, layer);
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}
