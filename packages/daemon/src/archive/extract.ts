/**
 * Puts the entries of an archive below a root, whatever the archive or other processes try.
 *
 * In: entries and content. Out: files with owners, modes, attributes, times. May import: header, reader, tree,
 * whiteouts, @noos/linux.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { makeNode, setAttribute, setTimes } from '@noos/linux';
import { errnoOf } from '../errors.js';
import { ArchiveError, typeFlags } from './header.js';
import { type Entry, readTar, type TarHandler } from './reader.js';
import {
  below,
  cleanName,
  makeDirectories,
  openDirectory,
  openRoot,
  removeTree,
  setMode,
  splitPath,
} from './tree.js';
import {
  isOverlayAttribute,
  opaqueAttribute,
  opaqueValue,
  opaqueWhiteout,
  whiteoutMetaPrefix,
  whiteoutPrefix,
} from './whiteouts.js';

export interface ExtractOptions {
  /** Directory below the root that names start from; made when missing. */
  directory?: string;
  /** `.wh.` files become overlayfs whiteouts; otherwise they are files like others. */
  overlay?: boolean;
  /** Everything belongs to this user and group, whatever the archive says. */
  owner?: { uid: number; gid: number };
  /** A directory never replaces another kind of file, nor the other way round (API: noOverwriteDirNonDir). */
  keepKinds?: boolean;
  /** Takes away what stands at `path` (below the root: `location`) before an entry replaces it; default: removal. */
  discard?(parentFd: number, name: string, location: string): void;
  /** Told of each regular file once its place is known: `location` is free of links. */
  onFile?(entry: Entry, location: string): void;
}

export interface Extractor extends TarHandler {
  /** Sets the directories' times; call once after the last entry. */
  finish(): void;
  /** Closes descriptors; always call, also after a failure. */
  close(): void;
  /** Bytes of the files and links made. */
  readonly size: number;
}

/** Directories kept open: archives mostly list one directory after the other. */
const openParentsLimit = 16;

const nodeKinds: Record<string, number> = {
  [typeFlags.characterDevice]: constants.S_IFCHR,
  [typeFlags.blockDevice]: constants.S_IFBLK,
  [typeFlags.fifo]: constants.S_IFIFO,
};

interface Parent {
  fd: number;
  /** Path below the root, free of links. */
  location: string;
}

const locationOf = ({ location }: Parent, base: string): string =>
  location === '' ? base : `${location}/${base}`;

export function createExtractor(rootFd: number, options: ExtractOptions = {}): Extractor {
  const prefix = cleanName(options.directory ?? '');
  const rootPath = readlinkSync(`/proc/self/fd/${rootFd}`);
  const parents = new Map<string, Parent>();
  const directoryTimes = new Map<string, bigint>();
  let file: { fd: number; path: string; entry: Entry } | undefined;
  let size = 0;

  const closeParents = (): void => {
    for (const { fd } of parents.values()) closeSync(fd);
    parents.clear();
  };

  const openParent = (directory: string): Parent => {
    const known = parents.get(directory);
    if (known !== undefined) return known;
    if (parents.size >= openParentsLimit) closeParents();
    const fd = makeDirectories(rootFd, directory);
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    const location = path === rootPath ? '' : path.slice(rootPath === '/' ? 1 : rootPath.length + 1);
    const parent = { fd, location };
    parents.set(directory, parent);
    return parent;
  };

  const discard = (parent: Parent, base: string): void => {
    const location = locationOf(parent, base);
    // A directory we hold open may be the one that goes.
    if (options.discard === undefined) removeTree(parent.fd, base);
    else options.discard(parent.fd, base, location);
    for (const [directory, { fd }] of parents)
      if (fd !== parent.fd) {
        closeSync(fd);
        parents.delete(directory);
      }
  };

  /** Runs `make`; when something stands there already, takes that away and runs it again. */
  const replace = (parent: Parent, base: string, make: (path: string) => void): void => {
    const path = below(parent.fd, base);
    try {
      make(path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (options.keepKinds && lstatSync(path).isDirectory())
        throw new ArchiveError(
          `cannot overwrite directory "/${locationOf(parent, base)}" with non-directory`,
        );
      discard(parent, base);
      make(path);
    }
  };

  const setAttributes = (path: string, entry: Entry): void => {
    for (const [name, value] of entry.attributes) {
      if (isOverlayAttribute(name)) continue;
      try {
        setAttribute(path, name, value);
      } catch (error) {
        // The file system or this kind of file has no such attributes; dockerd continues too.
        if (!['EOPNOTSUPP', 'ENOTSUP', 'EPERM'].includes(errnoOf(error) ?? '')) throw error;
      }
    }
  };

  const ownerOf = (entry: Entry): { uid: number; gid: number } => options.owner ?? entry;

  const makeDirectory = (parent: Parent, base: string, name: string, entry: Entry): void => {
    const path = base === '' ? below(parent.fd, '.') : below(parent.fd, base);
    if (base !== '') {
      try {
        mkdirSync(path, 0o700);
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
        const found = lstatSync(path);
        if (!found.isDirectory()) {
          if (options.keepKinds)
            throw new ArchiveError(
              `cannot overwrite non-directory "/${locationOf(parent, base)}" with directory`,
            );
          discard(parent, base);
          mkdirSync(path, 0o700);
          // What was deleted here stays deleted.
          if (options.overlay && found.isCharacterDevice() && found.rdev === 0)
            setAttribute(path, opaqueAttribute, opaqueValue);
        }
      }
    }
    const { uid, gid } = ownerOf(entry);
    const found = lstatSync(path);
    // chown(2) takes capabilities away, and not every archive repeats them at a hard link.
    if (found.uid !== uid || found.gid !== gid) lchownSync(path, uid, gid);
    setAttributes(path, entry);
    setMode(path, entry.mode);
    directoryTimes.set(name, entry.modifiedNs);
  };

  const makeWhiteout = (parent: Parent, base: string): void => {
    if (base === opaqueWhiteout) {
      setAttribute(below(parent.fd, '.'), opaqueAttribute, opaqueValue);
      return;
    }
    if (base.startsWith(whiteoutMetaPrefix)) return;
    const hidden = base.slice(whiteoutPrefix.length);
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw new ArchiveError(`invalid name in archive: "${base}"`);
    const path = below(parent.fd, hidden);
    try {
      makeNode(path, constants.S_IFCHR, 0, 0);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      // The layer has the name itself: a file hides the lower one anyway, a directory must be told to.
      if (lstatSync(path).isDirectory()) setAttribute(path, opaqueAttribute, opaqueValue);
    }
  };

  const finishNode = (path: string, entry: Entry): void => {
    const { uid, gid } = ownerOf(entry);
    const found = lstatSync(path);
    // chown(2) takes capabilities away, and not every archive repeats them at a hard link.
    if (found.uid !== uid || found.gid !== gid) lchownSync(path, uid, gid);
    setAttributes(path, entry);
    setMode(path, entry.mode);
    setTimes(path, entry.modifiedNs, entry.modifiedNs);
  };

  const makeLink = (parent: Parent, base: string, entry: Entry): void => {
    const target = cleanName(entry.linkName);
    const { directory, base: targetBase } = splitPath(prefix === '' ? target : `${prefix}/${target}`);
    const targetParent = openDirectory(rootFd, directory);
    try {
      const source = below(targetParent, targetBase);
      const found = lstatSync(source);
      const there = lstatSync(below(parent.fd, base), { throwIfNoEntry: false });
      // A link to itself would lose the file.
      if (there !== undefined && there.ino === found.ino && there.dev === found.dev) return;
      replace(parent, base, (path) => linkSync(source, path));
      finishNode(below(parent.fd, base), entry);
    } finally {
      closeSync(targetParent);
    }
  };

  const openFile = (parent: Parent, base: string, entry: Entry): void => {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    replace(parent, base, (path) => {
      file = { fd: openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600), path, entry };
    });
    size += entry.size;
    options.onFile?.(entry, locationOf(parent, base));
  };

  return {
    entry(entry) {
      const relative = cleanName(entry.name);
      const name = prefix === '' || relative === '' ? prefix + relative : `${prefix}/${relative}`;
      const { directory, base } = splitPath(name);
      if (relative === '' && entry.type !== typeFlags.directory)
        throw new ArchiveError(`invalid name in archive: "${entry.name}"`);
      const parent = openParent(relative === '' ? name : directory);
      if (options.overlay && base.startsWith(whiteoutPrefix)) {
        makeWhiteout(parent, base);
        return;
      }
      switch (entry.type) {
        case typeFlags.file:
        case typeFlags.contiguousFile:
          openFile(parent, base, entry);
          break;
        case typeFlags.directory:
          makeDirectory(parent, relative === '' ? '' : base, name, entry);
          break;
        case typeFlags.link:
          makeLink(parent, base, entry);
          break;
        case typeFlags.symlink:
          replace(parent, base, (path) => symlinkSync(entry.linkName, path));
          finishNode(below(parent.fd, base), entry);
          size += Buffer.byteLength(entry.linkName);
          break;
        case typeFlags.characterDevice:
        case typeFlags.blockDevice:
        case typeFlags.fifo: {
          const kind = nodeKinds[entry.type]!;
          replace(parent, base, (path) => makeNode(path, kind | 0o600, entry.deviceMajor, entry.deviceMinor));
          finishNode(below(parent.fd, base), entry);
          break;
        }
        default:
          throw new ArchiveError(`unhandled tar header type ${entry.type.charCodeAt(0)}`);
      }
    },
    content(bytes) {
      if (file === undefined) return;
      for (let at = 0; at < bytes.length; ) at += writeSync(file.fd, bytes, at);
    },
    end() {
      if (file === undefined) return;
      const { fd, path, entry } = file;
      file = undefined;
      try {
        const { uid, gid } = ownerOf(entry);
        fchownSync(fd, uid, gid);
        if (entry.attributes.size > 0) setAttributes(path, entry);
        fchmodSync(fd, entry.mode);
      } finally {
        closeSync(fd);
      }
      setTimes(path, entry.modifiedNs, entry.modifiedNs);
    },
    finish() {
      for (const [name, modifiedNs] of directoryTimes) {
        try {
          const fd = openDirectory(rootFd, name);
          try {
            setTimes(below(fd, '.'), modifiedNs, modifiedNs);
          } finally {
            closeSync(fd);
          }
        } catch (error) {
          // A later entry, or another process, took it away.
          if (!['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
        }
      }
    },
    close() {
      // Its content was not whole.
      if (file !== undefined) {
        closeSync(file.fd);
        rmSync(file.path, { force: true });
        file = undefined;
      }
      closeParents();
    },
    get size() {
      return size;
    },
  };
}

/** Extracts a whole stream below `root`. On failure what was extracted stays; the caller owns the root. */
export async function extractTar(
  source: AsyncIterable<Buffer>,
  root: string,
  options?: ExtractOptions,
): Promise<void> {
  const rootFd = openRoot(root);
  const extractor = createExtractor(rootFd, options);
  try {
    await readTar(source, extractor);
    extractor.finish();
  } finally {
    extractor.close();
    closeSync(rootFd);
  }
}
