/**
 * What the sources of a COPY or ADD stand for: files and directories of a tree, with the checksum that the cache asks
 * for.
 *
 * In: a tree, paths or patterns as written. Out: sources; throws Error with Docker's text. May import: scope, glob.
 */
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import { relative } from 'node:path';
import { PatternError, pathMatcher } from '../../archive/glob.js';
import { errnoOf } from '../../errors.js';
import { checkInside, forbidden, resolveInRoot, statMaybe } from '../context/scope.js';
import { combinedSum, fileSum } from './file-sum.js';
import { createPace } from './pace.js';

export interface CopySource {
  /** Directory that holds the tree. */
  root: string;
  /** Relative to it, as written or as matched. */
  path: string;
  /** `file:…` or `dir:…`. */
  sum: string;
  /** ADD does not unpack it: it came from a URL or stands in the Dockerfile. */
  keepPacked?: boolean;
}

export interface SourceTree {
  root: string;
  /** A build context: a missing file may be the .dockerignore's doing. */
  context: boolean;
}

export const hasWildcards = (path: string): boolean => /[*?[]/.test(path.replace(/\\./gs, ''));

/** A test of paths below a copied directory, from `--exclude`. */
export type Exclude = ((path: string) => boolean) | undefined;

const missing = (tree: SourceTree, path: string): Error =>
  new Error(
    `${tree.context ? 'file not found in build context or excluded by .dockerignore: ' : ''}stat ${path}: file does not exist`,
  );

/** The file's own checksum; that of a link is the checksum of what it leads to. */
async function sumOf(root: string, path: string): Promise<string> {
  const real = await resolveInRoot(root, path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ELOOP') throw error;
  });
  // A link that leads nowhere, or to itself, stands for its name.
  if (real === undefined) return path;
  const stats = await statMaybe(real);
  const name = relative(root, real);
  return stats ? fileSum(real, name, stats) : name;
}

async function directorySums(root: string, directory: string, exclude: Exclude): Promise<string[]> {
  const sums: string[] = [];
  const pace = createPace();
  const top = relative(root, directory);
  if (top !== '') sums.push(await sumOf(root, top));
  const walk = async (path: string, below: string): Promise<void> => {
    for (const entry of readdirSync(`${root}/${path}`, { withFileTypes: true })) {
      await pace();
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      const inner = below === '' ? entry.name : `${below}/${entry.name}`;
      if (!exclude?.(inner)) {
        const real = `${root}/${child}`;
        // The walk itself follows no link, so only the last name can be one.
        sums.push(
          entry.isSymbolicLink() ? await sumOf(root, child) : await fileSum(real, child, lstatSync(real)),
        );
      }
      if (entry.isDirectory()) await walk(child, inner);
    }
  };
  await walk(top, '');
  return sums.sort();
}

async function source(tree: SourceTree, path: string, exclude: Exclude): Promise<CopySource> {
  checkInside(path);
  let real: string;
  let stats: Stats;
  try {
    real = await resolveInRoot(tree.root, path);
    stats = await stat(real);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw missing(tree, path);
    // Links in a circle lead nowhere inside, says dockerd.
    if (errnoOf(error) === 'ELOOP') throw forbidden(path);
    throw error;
  }
  const sum = stats.isDirectory()
    ? combinedSum('dir', await directorySums(tree.root, real, exclude))
    : `file:${await sumOf(tree.root, path)}`;
  return { root: tree.root, path, sum };
}

async function matching(tree: SourceTree, pattern: string): Promise<string[]> {
  let matches: (path: string) => boolean;
  try {
    matches = pathMatcher(pattern);
  } catch (error) {
    if (error instanceof PatternError) return [];
    throw error;
  }
  // `*` takes no slash: a path as deep as the pattern is the only one that can match.
  const depth = pattern.split('/').length;
  const found: string[] = [];
  const walk = async (path: string, level: number): Promise<void> => {
    const directory = path === '' ? tree.root : `${tree.root}/${path}`;
    const entries = await readdir(directory, { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (level === depth) {
        if (matches(child)) found.push(child);
      } else if (entry.isDirectory()) await walk(child, level + 1);
    }
  };
  await walk('', 1);
  return found;
}

/** The files that one source of a COPY names: one, or those a pattern matches (perhaps none). */
export async function findSources(
  tree: SourceTree,
  written: string,
  exclude: Exclude = undefined,
): Promise<CopySource[]> {
  const path = written.replace(/^\//, '').replace(/^\.\//, '');
  if (!hasWildcards(path)) return [await source(tree, path, exclude)];
  const found: CopySource[] = [];
  for (const match of await matching(tree, path)) found.push(await source(tree, match, exclude));
  return found;
}

/** Whether a source is a directory, links followed. */
export const isDirectorySource = async ({ root, path }: CopySource): Promise<boolean> =>
  (await lstat(await resolveInRoot(root, path))).isDirectory();
