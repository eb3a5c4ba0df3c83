/**
 * Tar archives for tests, entry by entry, right or wrong.
 *
 * In: headers, content. Out: bytes. May import: create, header.
 */
import { endOfArchive, formatEntry, zeros } from './create.js';
import { type Header, typeFlags } from './header.js';

/** A header of a plain file. */
export const plainHeader: Header = {
  name: 'a',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  modifiedNs: 0n,
  type: typeFlags.file,
  linkName: '',
  deviceMajor: 0,
  deviceMinor: 0,
};

/** One entry: header, content, padding. */
export function tarEntry(header: Partial<Header>, content: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(content as string);
  const whole = { ...plainHeader, size: bytes.length, ...header };
  return Buffer.concat([formatEntry(whole), bytes, zeros(bytes.length)]);
}

export const tarOfEntries = (...entries: readonly Buffer[]): Buffer =>
  Buffer.concat([...entries, endOfArchive]);

/** A tar of files by name. */
export const tarOfFiles = (files: Readonly<Record<string, string | Uint8Array>>): Buffer =>
  tarOfEntries(...Object.entries(files).map(([name, content]) => tarEntry({ name }, content)));
