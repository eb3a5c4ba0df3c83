/**
 * Pax extended header records: `<length> <keyword>=<value>\n` (POSIX pax, "pax Header Block").
 *
 * In: bytes of an `x` or `g` entry. Out: keyword → value as bytes; and back. May import: header.
 */
import { ArchiveError, type Header, nanosecondsPerSecond } from './header.js';

/** Extended attributes: Schily's convention, the one GNU tar, libarchive and Docker share. */
export const attributePrefix = 'SCHILY.xattr.';

export type PaxRecords = Map<string, Buffer>;

/** Throws ArchiveError on anything that is not a sequence of records. */
export function parsePax(bytes: Buffer, into: PaxRecords = new Map()): PaxRecords {
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space === -1 || space - at > 10 ? '' : bytes.toString('latin1', at, space);
    const end = at + Number(digits);
    const equals = bytes.indexOf(0x3d, space);
    if (
      !/^\d+$/.test(digits) ||
      end > bytes.length ||
      equals === -1 ||
      equals >= end ||
      bytes[end - 1] !== 0x0a
    )
      throw new ArchiveError('archive/tar: invalid tar header: damaged pax record');
    into.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return into;
}

export function formatPax(records: Iterable<readonly [string, string | Uint8Array]>): Buffer {
  return Buffer.concat(
    [...records].map(([keyword, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${keyword}=`), Buffer.from(value), Buffer.from('\n')]);
      // The length counts its own digits.
      let length = rest.length + 1;
      while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
      return Buffer.concat([Buffer.from(String(length)), rest]);
    }),
  );
}

function parseTime(value: string): bigint {
  const match = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(value);
  if (match === null) throw new ArchiveError('archive/tar: invalid tar header: damaged time');
  const ns = BigInt(match[2]!) * nanosecondsPerSecond + BigInt((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  return match[1] === '-' ? -ns : ns;
}

function parseInteger(value: string): number {
  if (!/^\d{1,16}$/.test(value) || !Number.isSafeInteger(Number(value)))
    throw new ArchiveError('archive/tar: invalid tar header: damaged number');
  return Number(value);
}

/** The header with what pax records say about it; an empty value takes a record back. */
export function applyPax(header: Header, records: PaxRecords): Header {
  const value = (keyword: string): string | undefined => {
    const bytes = records.get(keyword);
    return bytes === undefined || bytes.length === 0 ? undefined : bytes.toString('utf8');
  };
  const changed = { ...header };
  const [path, linkPath, size, uid, gid, time] = ['path', 'linkpath', 'size', 'uid', 'gid', 'mtime'].map(
    value,
  );
  if (path !== undefined) changed.name = path;
  if (linkPath !== undefined) changed.linkName = linkPath;
  if (size !== undefined) changed.size = parseInteger(size);
  if (uid !== undefined) changed.uid = parseInteger(uid);
  if (gid !== undefined) changed.gid = parseInteger(gid);
  if (time !== undefined) changed.modifiedNs = parseTime(time);
  return changed;
}
