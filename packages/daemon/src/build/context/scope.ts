/**
 * Paths as a process whose root is a directory would resolve them: links and `..` never lead out of it.
 * For trees that nobody changes meanwhile: a build's context, a root file system without a running container.
 *
 * In: a root, a path below it. Out: the path on the host. May import: errors.
 */
import { createReadStream } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { errnoOf } from '../../errors.js';

/** Linux follows at most 40 links in one path (path_resolution(7)). */
const linkLimit = 40;

/** Follows every link of `path` within `root`; what does not exist is taken as written. */
export async function resolveInRoot(root: string, path: string): Promise<string> {
  const pending = path.split('/').reverse();
  const resolved: string[] = [];
  let links = 0;
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      resolved.pop();
      continue;
    }
    const here = join(root, ...resolved, name);
    const target = await readlink(here).catch((error: unknown) => {
      if (['EINVAL', 'ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
      throw error;
    });
    if (target === undefined) {
      resolved.push(name);
      continue;
    }
    if (++links > linkLimit)
      throw Object.assign(new Error(`ELOOP: too many symbolic links, ${path}`), { code: 'ELOOP' });
    if (target.startsWith('/')) resolved.length = 0;
    pending.push(...target.split('/').reverse());
  }
  return join(root, ...resolved);
}

export const forbidden = (path: string): Error =>
  new Error(`forbidden path outside the build context: ${path} ()`);

/** Refuses a path that is written so that it leads out of the context, in Docker's words. */
export function checkInside(path: string): void {
  const clean = posix.normalize(path);
  if (clean === '..' || clean.startsWith('../')) throw forbidden(path);
}

/** lstat, or undefined when there is nothing. */
export const statMaybe = async (path: string) => {
  try {
    return await lstat(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
};

/** An error of the file system as Go tells it, its path as the image sees it; undefined: it is another error. */
export function fileErrorBelow(root: string, error: unknown): string | undefined {
  if (!(error instanceof Error) || errnoOf(error) === undefined) return undefined;
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === undefined || path === undefined) return undefined;
  const below = path.startsWith(`${root}/`);
  if (!below && path.startsWith('/')) return undefined;
  const text = error.message.replace(/^\w+: ([^,]*),.*$/s, '$1').toLowerCase();
  return `${syscall} ${below ? path.slice(root.length) : `/${path}`}: ${text}`;
}

/**
 * The bytes of a regular file, at most `limitBytes` of it; undefined: there is none. What a context or an image has by
 * this name may also be a FIFO or a device, and those never end.
 */
export async function readRegular(path: string, limitBytes: number): Promise<Buffer | undefined> {
  if (!(await statMaybe(path))?.isFile()) return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: limitBytes - 1 })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
