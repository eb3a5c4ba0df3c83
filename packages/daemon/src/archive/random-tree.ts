/**
 * For tests: trees of every kind of file, the same for the same seed, and a picture of a tree to compare.
 *
 * In: a seed, a directory. Out: files. May import: @noos/linux.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  constants,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { getAttribute, listAttributes, makeNode, setAttribute, setTimes } from '@noos/linux';
import type { Random } from '../testing/seeded-random.js';

const epochNs = 1_700_000_000_000_000_000n;

/** Fills `directory` with about `count` entries. */
export function makeRandomTree(directory: string, random: Random, count: number): void {
  const directories = [directory];
  const files: string[] = [];
  const inodes: string[] = [];
  for (let i = 0; i < count; i++) {
    const stem = random.pick([
      'f',
      'name with space',
      'ünïcode→',
      'x'.repeat(120),
      'back\\slash',
      'line\nfeed',
      '-dash',
    ]);
    const path = join(random.pick(directories), `${stem}${i}`);
    switch (random.below(9)) {
      case 0:
      case 1:
        if (path.length > 1500) continue;
        mkdirSync(path);
        directories.push(path);
        break;
      case 2:
        symlinkSync(random.pick(['/etc/passwd', '../..', 'nowhere', 'l'.repeat(150), 'ä']), path);
        break;
      case 3:
        if (files.length === 0) continue;
        linkSync(random.pick(files), path);
        continue;
      case 4:
        makeNode(path, constants.S_IFIFO | 0o644);
        break;
      case 5:
        makeNode(
          path,
          random.pick([constants.S_IFCHR, constants.S_IFBLK]) | 0o600,
          1 + random.below(300),
          random.below(3000),
        );
        break;
      default:
        writeFileSync(path, random.bytes(random.pick([0, 1, 511, 512, 513, 3000, 70_000])));
        files.push(path);
        if (random.below(4) === 0) setAttribute(path, 'user.note', random.bytes(10));
        if (random.below(6) === 0)
          setAttribute(
            path,
            'security.capability',
            Buffer.from('0100000200040000000000000000000000000000', 'hex'),
          );
    }
    const stats = lstatSync(path);
    const isFile = stats.isFile();
    const attributes = isFile
      ? listAttributes(path).map((name) => [name, getAttribute(path, name)!] as const)
      : [];
    lchownSync(path, random.pick([0, 1000, 2_200_000]), random.pick([0, 50, 3_000_000]));
    if (!stats.isSymbolicLink()) chmodSync(path, random.pick([0o644, 0o755, 0o4755, 0o1777, 0o600, 0o2750]));
    // A change of owner takes capabilities away.
    for (const [name, value] of attributes) setAttribute(path, name, value);
    inodes.push(path);
  }
  // Children first: they change their directory's time.
  for (const path of inodes.reverse()) {
    const ns = epochNs + BigInt(random.below(100_000_000)) * 1_000_000_000n;
    setTimes(path, ns, ns);
  }
  setTimes(directory, epochNs, epochNs);
}

/** One line per entry with everything an archive keeps; hard links by the first name of their inode. */
export function pictureOf(directory: string): string[] {
  const lines: string[] = [];
  const first = new Map<number, string>();
  const visit = (path: string, name: string): void => {
    const stats = lstatSync(path, { bigint: true });
    const inode = Number(stats.ino);
    const link = stats.isDirectory() ? name : (first.get(inode) ?? name);
    first.set(inode, link);
    let content = '';
    if (stats.isFile()) content = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
    else if (stats.isSymbolicLink()) content = readlinkSync(path);
    const attributes = listAttributes(path)
      .sort()
      .map((attribute) => `${attribute}=${getAttribute(path, attribute)?.toString('hex')}`);
    const device = stats.isCharacterDevice() || stats.isBlockDevice() ? stats.rdev : 0n;
    const { mode, uid, gid, mtimeNs } = stats;
    lines.push(
      [
        JSON.stringify(name),
        mode.toString(8),
        uid,
        gid,
        device,
        mtimeNs,
        link === name ? '' : `=${link}`,
        content,
        ...attributes,
      ].join(' '),
    );
    if (stats.isDirectory())
      for (const child of readdirSync(path).sort()) visit(join(path, child), `${name}/${child}`);
  };
  visit(directory, '');
  return lines;
}
