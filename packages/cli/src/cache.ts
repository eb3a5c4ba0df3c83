/**
 * Images that `noos run` built before, found again by the content of everything that went in.
 *
 * In: a source and build options. Out: a path of an image. May import: errors.
 * An entry is an image and a list of the files read with their digests; it holds while all of them are as they were,
 * and so are the options and the modules of Noos itself.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { CliError, exitCodes } from './errors.js';

/** Images kept in one cache; the least recently written go first. */
const maxImages = 32;

/** SHA-256 of a file, or `missing`. */
function digestOf(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex');
  } catch {
    return 'missing';
  }
}

/** Makes the directory for this user alone; false when it is another's, or others may write to it. */
function isPrivate(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const status = lstatSync(directory);
    return status.isDirectory() && status.uid === process.getuid?.() && (status.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/**
 * `node_modules/.cache/noos` of the nearest package with node_modules, else the user's cache (XDG Base Directory). Who
 * may write to the cache chooses what others run: a directory that is not this user's alone is passed over.
 */
export function cacheDirectory(entry: string): string {
  const user = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'noos');
  for (let directory = dirname(entry); directory !== dirname(directory); directory = dirname(directory))
    if (existsSync(join(directory, 'node_modules'))) {
      const local = join(directory, 'node_modules', '.cache', 'noos');
      if (isPrivate(local)) return local;
      break;
    }
  if (!isPrivate(user))
    throw new CliError(
      exitCodes.build,
      `images cannot be cached in ${user}: it must be a directory that only you can write to (or set XDG_CACHE_HOME)`,
    );
  return user;
}

interface Entry {
  inputs: Record<string, string>;
}

export interface Cache {
  /** The image built from the same content, if it is still there. */
  find(): string | undefined;
  /** Where to build the image. */
  readonly imagePath: string;
  /** Says from which files the image at `imagePath` was built. */
  store(inputs: readonly string[]): void;
}

/** The cache's place for one entry with these options (any JSON) and this version of Noos (a digest). */
export function openCache(entry: string, options: unknown, version: string): Cache {
  const directory = cacheDirectory(entry);
  const key = createHash('sha256')
    .update(JSON.stringify([entry, options, version]))
    .digest('hex')
    .slice(0, 32);
  const imagePath = join(directory, `${key}.noos`);
  const listPath = join(directory, `${key}.json`);

  function prune(): void {
    const images = readdirSync(directory)
      .filter((name) => name.endsWith('.noos'))
      .map((name) => ({ name, writtenMs: statSync(join(directory, name)).mtimeMs }))
      .sort((one, other) => other.writtenMs - one.writtenMs);
    for (const { name } of images.slice(maxImages))
      for (const suffix of ['.noos', '.noos.map', '.json'])
        rmSync(join(directory, name.replace(/\.noos$/, suffix)), { force: true });
  }

  return {
    imagePath,
    find() {
      try {
        const { inputs } = JSON.parse(readFileSync(listPath, 'utf8')) as Entry;
        const same = Object.entries(inputs).every(([path, digest]) => digestOf(path) === digest);
        return same && existsSync(imagePath) ? imagePath : undefined;
      } catch {
        return undefined;
      }
    },
    store(inputs) {
      const list: Entry = { inputs: Object.fromEntries(inputs.map((path) => [path, digestOf(path)])) };
      // Written under another name first: a run beside this one never reads half a list.
      writeFileSync(`${listPath}.${process.pid}`, JSON.stringify(list));
      renameSync(`${listPath}.${process.pid}`, listPath);
      prune();
    },
  };
}
