/**
 * A tar stream cut into entries, synchronously, chunk by chunk: ustar, pax, GNU long names. Bounded memory.
 *
 * In: bytes. Out: calls of a handler; `raw` and `content` together are the stream, byte for byte.
 * May import: header, pax.
 */
import { ArchiveError, blockBytes, type Header, parseHeader, typeFlags } from './header.js';
import { applyPax, attributePrefix, type PaxRecords, parsePax } from './pax.js';

export interface Entry extends Header {
  /** Extended attributes by name. */
  attributes: ReadonlyMap<string, Buffer>;
}

export interface TarHandler {
  /** Everything that is not content of a regular file: headers, padding, the end. */
  raw?(bytes: Buffer): void;
  /** A new entry begins; its content follows, if it has any. */
  entry(entry: Entry): void;
  content(bytes: Buffer): void;
  /** The entry's content was whole. */
  end(): void;
}

export interface TarReader {
  write(chunk: Buffer): void;
  /** Throws ArchiveError when the stream stopped inside an entry. */
  finish(): void;
}

/** Go's archive/tar and GNU tar agree that more than this in one extended header is nonsense. */
const extendedHeaderLimitBytes = 2 ** 20;

const isRegular = (type: string): boolean => type === typeFlags.file || type === typeFlags.contiguousFile;

const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

/** A pax or GNU header that says something about the entry after it. */
const isExtension = (type: string): boolean =>
  type === typeFlags.paxHeader ||
  type === typeFlags.paxGlobalHeader ||
  type === typeFlags.gnuLongName ||
  type === typeFlags.gnuLongLink;

const untilZero = (bytes: Buffer): string => {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
};

/** Refuses what would be unpacked wrongly. */
function refuseSparse(header: Header, records: PaxRecords | undefined): void {
  const sparse =
    header.type === typeFlags.gnuSparse ||
    [...(records?.keys() ?? [])].some((key) => key.startsWith('GNU.sparse.'));
  if (sparse)
    throw new ArchiveError(
      `archive/tar: sparse file ${header.name} is not supported: archive it without --sparse`,
    );
}

export function createReader(handler: TarHandler): TarReader {
  let state: 'header' | 'extension' | 'content' | 'skip' | 'padding' | 'ended' = 'header';
  /** Bytes left of the present state, and the padding that follows them. */
  let left = blockBytes;
  let padding = 0;
  /** A header or extension that arrives in several chunks. */
  let parts: Buffer[] = [];
  let extensionType = '';
  let records: PaxRecords | undefined;
  let longName: string | undefined;
  let longLink: string | undefined;

  const expectHeader = (): void => {
    state = 'header';
    left = blockBytes;
  };
  const afterContent = (): void => {
    if (state === 'content') handler.end();
    if (padding === 0) expectHeader();
    else {
      state = 'padding';
      left = padding;
    }
  };

  const onHeader = (block: Buffer): void => {
    handler.raw?.(block);
    const found = parseHeader(block);
    if (found === undefined) {
      state = 'ended';
      return;
    }
    if (isExtension(found.type)) {
      if (found.size > extendedHeaderLimitBytes)
        throw new ArchiveError('archive/tar: invalid tar header: extended header is too long');
      extensionType = found.type;
      state = 'extension';
      left = found.size + paddingOf(found.size);
      padding = paddingOf(found.size);
      if (left === 0) expectHeader();
      return;
    }
    refuseSparse(found, records);
    let header: Header = found;
    if (longName !== undefined) header = { ...header, name: longName };
    if (longLink !== undefined) header = { ...header, linkName: longLink };
    const attributes = new Map<string, Buffer>();
    if (records !== undefined) {
      header = applyPax(header, records);
      for (const [keyword, value] of records)
        if (keyword.startsWith(attributePrefix)) attributes.set(keyword.slice(attributePrefix.length), value);
    }
    records = longName = longLink = undefined;
    // Before ustar a directory was a file whose name ends with a slash.
    if (isRegular(header.type) && header.name.endsWith('/'))
      header = { ...header, type: typeFlags.directory };
    const regular = isRegular(header.type);
    // As Go does: the size of a link, directory, device or fifo means nothing, that of unknown types does.
    const hasContent = regular || !/^[1-6]$/.test(header.type);
    if (!hasContent) header = { ...header, size: 0 };
    handler.entry({ ...header, attributes });
    state = regular ? 'content' : 'skip';
    left = header.size;
    padding = paddingOf(header.size);
    if (!regular) handler.end();
    if (left === 0) afterContent();
  };

  const onExtension = (whole: Buffer): void => {
    handler.raw?.(whole);
    const value = whole.subarray(0, whole.length - padding);
    // Global headers are ignored, as Docker ignores them.
    if (extensionType === typeFlags.paxHeader) records = parsePax(value);
    else if (extensionType === typeFlags.gnuLongName) longName = untilZero(value);
    else if (extensionType === typeFlags.gnuLongLink) longLink = untilZero(value);
    expectHeader();
  };

  /** Takes from `chunk` at `at` until the present state is complete; returns how much it took. */
  const step = (chunk: Buffer, at: number): number => {
    if (state === 'ended') {
      handler.raw?.(chunk.subarray(at));
      return chunk.length - at;
    }
    const taken = Math.min(left, chunk.length - at);
    const piece = chunk.subarray(at, at + taken);
    left -= taken;
    if (state === 'content') handler.content(piece);
    else if (state === 'skip' || state === 'padding') handler.raw?.(piece);
    else if (left > 0 || parts.length > 0) parts.push(piece);
    if (left > 0) return taken;
    if (state === 'content' || state === 'skip') afterContent();
    else if (state === 'padding') expectHeader();
    else {
      const whole = parts.length === 0 ? piece : Buffer.concat(parts);
      parts = [];
      if (state === 'header') onHeader(whole);
      else onExtension(whole);
    }
    return taken;
  };

  return {
    write(chunk) {
      for (let at = 0; at < chunk.length; ) at += step(chunk, at);
    },
    finish() {
      const between = state === 'header' && left === blockBytes && records === undefined;
      // Some archivers leave out the padding of the last file.
      if (state !== 'ended' && state !== 'padding' && !between) throw new ArchiveError('unexpected EOF');
    },
  };
}

/** Reads a whole stream; the handler's errors end it. */
export async function readTar(source: AsyncIterable<Buffer>, handler: TarHandler): Promise<void> {
  const reader = createReader(handler);
  for await (const chunk of source) reader.write(chunk);
  reader.finish();
}
