/**
 * One 512-byte tar header: bytes ↔ values.
 *
 * In: a block. Out: its fields, as POSIX.1-1988 (ustar) and GNU tar name them. May import: nothing.
 */

export const blockBytes = 512;

/** Type flags (POSIX pax, "ustar Interchange Format"; GNU tar's additions). */
export const typeFlags = {
  file: '0',
  link: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  contiguousFile: '7',
  paxHeader: 'x',
  paxGlobalHeader: 'g',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
} as const;

export interface Header {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content that follow. */
  size: number;
  /** Nanoseconds since the epoch. */
  modifiedNs: bigint;
  type: string;
  linkName: string;
  deviceMajor: number;
  deviceMinor: number;
}

/** A tar stream that is not one, or that asks for what we refuse. */
export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

export const nanosecondsPerSecond = 1_000_000_000n;

/** Offset and length of each field. */
const fields = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  deviceMajor: [329, 8],
  deviceMinor: [337, 8],
  prefix: [345, 155],
} as const;
type Field = keyof typeof fields;

function text(block: Buffer, field: Field): string {
  const [offset, length] = fields[field];
  const end = block.indexOf(0, offset);
  return block.toString('utf8', offset, end === -1 || end > offset + length ? offset + length : end);
}

/** Octal digits, or GNU's base-256: first bit set, then a big-endian two's complement number. */
function integer(block: Buffer, field: Field): number {
  const [offset, length] = fields[field];
  const first = block[offset]!;
  if ((first & 0x80) !== 0) {
    let value = (first & 0x40) !== 0 ? -1n : 0n;
    for (let i = 0; i < length; i++) {
      const byte = block[offset + i]!;
      value = (value << 8n) | BigInt(i === 0 ? ((byte & 0x40) !== 0 ? byte : byte & 0x7f) : byte);
    }
    const bounded = BigInt.asIntN(length * 8, value);
    if (bounded > BigInt(Number.MAX_SAFE_INTEGER) || bounded < BigInt(Number.MIN_SAFE_INTEGER))
      throw new ArchiveError(`archive/tar: invalid tar header: ${field} is out of range`);
    return Number(bounded);
  }
  const digits = block
    .toString('latin1', offset, offset + length)
    .replace(/[\0 ]+$/, '')
    .trimStart();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits))
    throw new ArchiveError(`archive/tar: invalid tar header: ${field} is no number`);
  return Number.parseInt(digits, 8);
}

/** Sum of all bytes, those of the checksum field counted as spaces. */
function checksum(block: Buffer): number {
  const [offset, length] = fields.checksum;
  let sum = 0;
  for (let i = 0; i < blockBytes; i++) sum += block[i]!;
  for (let i = offset; i < offset + length; i++) sum += 0x20 - block[i]!;
  return sum;
}

/** Fields of a header block; undefined for a block of zeros, which ends an archive. Throws ArchiveError. */
export function parseHeader(block: Buffer): Header | undefined {
  const sum = checksum(block);
  if (sum === 8 * 0x20 && block.every((byte) => byte === 0)) return undefined;
  if (integer(block, 'checksum') !== sum) throw new ArchiveError('archive/tar: invalid tar header');
  const magic = block.toString('latin1', fields.magic[0], fields.magic[0] + fields.magic[1]);
  const type = String.fromCharCode(block[fields.type[0]]!);
  // GNU's own magic ("ustar " without a zero) uses the prefix's place for times.
  const prefix = magic === 'ustar\0' ? text(block, 'prefix') : '';
  const name = text(block, 'name');
  const isDevice = type === typeFlags.characterDevice || type === typeFlags.blockDevice;
  const header = {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: integer(block, 'mode') & 0o7777,
    uid: integer(block, 'uid'),
    gid: integer(block, 'gid'),
    size: integer(block, 'size'),
    modifiedNs: BigInt(integer(block, 'mtime')) * nanosecondsPerSecond,
    type: type === '\0' ? typeFlags.file : type,
    linkName: text(block, 'linkName'),
    deviceMajor: isDevice ? integer(block, 'deviceMajor') : 0,
    deviceMinor: isDevice ? integer(block, 'deviceMinor') : 0,
  };
  if (header.size < 0) throw new ArchiveError('archive/tar: invalid tar header: negative size');
  return header;
}

/** Whether `value` fits a field of octal digits and a terminating zero. */
const fitsOctal = (value: number, field: Field): boolean => value >= 0 && value < 8 ** (fields[field][1] - 1);

/** The pax records a header needs because its fields cannot hold the values. */
export function overflow(header: Header): Record<string, string> {
  const records: Record<string, string> = {};
  if (splitName(header.name) === undefined) records.path = header.name;
  if (!isShortAscii(header.linkName, fields.linkName[1])) records.linkpath = header.linkName;
  if (!fitsOctal(header.size, 'size')) records.size = String(header.size);
  if (!fitsOctal(header.uid, 'uid')) records.uid = String(header.uid);
  if (!fitsOctal(header.gid, 'gid')) records.gid = String(header.gid);
  const seconds = header.modifiedNs / nanosecondsPerSecond;
  const rest = header.modifiedNs % nanosecondsPerSecond;
  if (rest !== 0n || !fitsOctal(Number(seconds), 'mtime')) records.mtime = formatTime(header.modifiedNs);
  return records;
}

/** Nanoseconds as pax writes times: decimal seconds. */
export function formatTime(ns: bigint): string {
  const absolute = ns < 0n ? -ns : ns;
  const fraction = (absolute % nanosecondsPerSecond).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns < 0n ? '-' : ''}${absolute / nanosecondsPerSecond}${fraction === '' ? '' : `.${fraction}`}`;
}

const isShortAscii = (value: string, limit: number): boolean =>
  value.length <= limit && Buffer.byteLength(value) === value.length;

/** What readers without pax see. */
const inAscii = (value: string): string => value.replaceAll(/[^\x20-\x7e]/g, '_');

/** Prefix and name as ustar splits a path, or undefined when it cannot hold it. */
function splitName(path: string): { prefix: string; name: string } | undefined {
  const limit = fields.name[1];
  if (isShortAscii(path, limit)) return { prefix: '', name: path };
  if (!isShortAscii(path, limit + 1 + fields.prefix[1])) return undefined;
  const cut = path.indexOf('/', path.length - limit - 1);
  if (cut <= 0 || cut > fields.prefix[1] || cut === path.length - 1) return undefined;
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}

/** A ustar block. Values that do not fit are cut: write their `overflow` as pax records before it. */
export function formatHeader(header: Header): Buffer {
  const block = Buffer.alloc(blockBytes);
  const put = (field: Field, value: string): void => {
    block.write(value.slice(0, fields[field][1]), fields[field][0], fields[field][1], 'latin1');
  };
  const putOctal = (field: Field, value: number): void => {
    const digits = fields[field][1] - 1;
    put(field, (fitsOctal(value, field) ? value : 0).toString(8).padStart(digits, '0'));
  };
  const split = splitName(header.name) ?? { prefix: '', name: inAscii(header.name) };
  put('name', split.name);
  putOctal('mode', header.mode & 0o7777);
  putOctal('uid', header.uid);
  putOctal('gid', header.gid);
  putOctal('size', header.size);
  putOctal('mtime', Number(header.modifiedNs / nanosecondsPerSecond));
  put('type', header.type);
  put(
    'linkName',
    isShortAscii(header.linkName, fields.linkName[1]) ? header.linkName : inAscii(header.linkName),
  );
  put('magic', 'ustar\0');
  put('version', '00');
  putOctal('deviceMajor', header.deviceMajor);
  putOctal('deviceMinor', header.deviceMinor);
  put('prefix', split.prefix);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, fields.checksum[0], 'latin1');
  return block;
}
