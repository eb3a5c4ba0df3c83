/**
 * The mount table of this process (proc(5), /proc/[pid]/mountinfo).
 *
 * In: the text of mountinfo. Out: mount points with their propagation. May import: nothing.
 */
import { readFile, realpath } from 'node:fs/promises';

export interface MountTableEntry {
  mountPoint: string;
  shared: boolean;
  slave: boolean;
}

/** Octal escapes of space, tab, newline and backslash. */
const unescapePath = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

export const parseMountTable = (text: string): MountTableEntry[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split(' ');
      const optional = fields.slice(6, fields.indexOf('-', 6));
      return {
        mountPoint: unescapePath(fields[4] ?? ''),
        shared: optional.some((field) => field.startsWith('shared:')),
        slave: optional.some((field) => field.startsWith('master:')),
      };
    });

export const readMountTable = async (): Promise<MountTableEntry[]> =>
  parseMountTable(await readFile('/proc/self/mountinfo', 'utf8'));

/** The mount that `path` lies on: the longest, and of equal ones the last, which hides the others. */
export async function mountOf(path: string): Promise<MountTableEntry> {
  const real = await realpath(path);
  let found: MountTableEntry = { mountPoint: '/', shared: false, slave: false };
  for (const entry of await readMountTable()) {
    const prefix = entry.mountPoint === '/' ? '/' : `${entry.mountPoint}/`;
    if (`${real}/`.startsWith(prefix) && entry.mountPoint.length >= found.mountPoint.length) found = entry;
  }
  return found;
}
