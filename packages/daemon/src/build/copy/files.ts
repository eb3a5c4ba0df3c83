/**
 * Copies files into a root file system, keeping owners, modes, times, links, devices and extended attributes.
 * Paths are resolved already (scope); neither tree is changed by others meanwhile.
 *
 * In: a source and a destination path on the host. Out: files. May import: @noos/linux, scope, owner.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { chmod, copyFile, lchown, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { getAttribute, listAttributes, makeNode, setAttribute, setTimes } from '@noos/linux';
import { majorOf, minorOf } from './file-sum.js';
import type { Owner } from './owner.js';
import { createPace } from './pace.js';

export interface CopyOptions {
  /** Absent: the source's owner is kept. */
  owner?: Owner;
  mode?: number;
  /** Paths relative to the copied directory to leave out. */
  ignore?: (path: string) => boolean;
  signal: AbortSignal;
}

/** overlayfs keeps its own notes in these; they are not the file's. */
const isOverlayNote = (name: string): boolean =>
  name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.');

function copyAttributes(from: string, to: string): void {
  for (const name of listAttributes(from)) {
    if (isOverlayNote(name)) continue;
    const value = getAttribute(from, name);
    if (value) setAttribute(to, name, value);
  }
}

const times = (stats: Stats): [bigint, bigint] => [
  BigInt(Math.trunc(stats.atimeMs)) * 1_000_000n,
  BigInt(Math.round(stats.mtimeMs * 1e6)),
];

/** Makes `path` and its missing parents, mode 0755, all owned by `owner`. */
export async function makeDirectories(path: string, owner: Owner): Promise<boolean> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return false;
  for (let made = path; ; made = dirname(made)) {
    await lchown(made, owner.uid, owner.gid);
    await chmod(made, 0o755);
    if (made === first) return true;
  }
}

/** Files up to this size are copied at once, larger ones on a thread. */
const smallBytes = 1024 * 1024;

/** What one copy remembers: names of files with several, when to let others run. */
interface CopyState {
  links: Map<string, string>;
  pace: ReturnType<typeof createPace>;
}

const newState = (): CopyState => ({ links: new Map(), pace: createPace() });

/** Copies one entry that is no directory; what is at `to` is replaced. */
async function copyEntry(
  from: string,
  to: string,
  stats: Stats,
  options: CopyOptions,
  { links }: CopyState,
): Promise<void> {
  if (lstatSync(to, { throwIfNoEntry: false })) await rm(to, { recursive: true, force: true });
  const key = `${stats.dev}:${stats.ino}`;
  const twin = stats.nlink > 1 ? links.get(key) : undefined;
  if (twin !== undefined) {
    linkSync(twin, to);
    return;
  }
  if (stats.nlink > 1) links.set(key, to);
  if (stats.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (stats.isFile() && stats.size > smallBytes) await copyFile(from, to, constants.COPYFILE_FICLONE);
  else if (stats.isFile()) copyFileSync(from, to, constants.COPYFILE_FICLONE);
  else if (stats.isSocket()) return;
  else makeNode(to, stats.mode, majorOf(stats.rdev), minorOf(stats.rdev));
  copyMetadata(from, to, stats, options);
}

function copyMetadata(from: string, to: string, stats: Stats, options: CopyOptions): void {
  lchownSync(to, options.owner?.uid ?? stats.uid, options.owner?.gid ?? stats.gid);
  if (!stats.isSymbolicLink()) {
    chmodSync(to, options.mode ?? stats.mode & 0o7777);
    // After chown, which takes capabilities away.
    copyAttributes(from, to);
  }
  setTimes(to, ...times(stats));
}

async function copyChildren(
  from: string,
  to: string,
  below: string,
  options: CopyOptions,
  state: CopyState,
): Promise<void> {
  for (const name of readdirSync(from)) {
    await state.pace();
    options.signal.throwIfAborted();
    const path = below === '' ? name : `${below}/${name}`;
    const source = join(from, name);
    const target = join(to, name);
    const stats = lstatSync(source);
    const ignored = options.ignore?.(path) ?? false;
    if (!stats.isDirectory()) {
      if (!ignored) await copyEntry(source, target, stats, options, state);
      continue;
    }
    // A directory left out may hold files that a `!` pattern takes back: it goes again when nothing came.
    const existing = lstatSync(target, { throwIfNoEntry: false });
    if (existing && !existing.isDirectory()) rmSync(target);
    if (!existing?.isDirectory()) mkdirSync(target);
    await copyChildren(source, target, path, options, state);
    if (ignored && !existing && readdirSync(target).length === 0) rmdirSync(target);
    else copyMetadata(source, target, stats, options);
  }
}

/** Copies what is in the directory `from` into the directory `to`, which is made when it does not exist. */
export async function copyDirectory(from: string, to: string, options: CopyOptions): Promise<void> {
  await makeDirectories(to, options.owner ?? { uid: 0, gid: 0 });
  await copyChildren(from, to, '', options, newState());
}

/** Copies one file to the path `to`; its missing parents are made. */
export async function copySingle(from: string, to: string, options: CopyOptions): Promise<void> {
  await makeDirectories(dirname(to), options.owner ?? { uid: 0, gid: 0 });
  await copyEntry(from, to, lstatSync(from), options, newState());
}
