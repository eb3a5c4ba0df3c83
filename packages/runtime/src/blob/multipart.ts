/**
 * multipart/form-data (RFC 7578) in memory.
 *
 * In: bytes, or a form's entries. Out: parts, or bytes. Imports encoding, blob.
 * Boundaries are searched in a text of one character a byte, which the engine's own code does: byte by byte in
 * JavaScript would cost a hundred times as much.
 */
import { concatenate, decodeUtf8, encodeUtf8 } from '../encoding/utf8.js';
import type { File } from './blob.js';

export interface Part {
  name: string;
  /** Undefined for a plain field. */
  filename: string | undefined;
  type: string;
  bytes: Uint8Array;
}

const bytesAtOnce = 4096;

function byteString(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += bytesAtOnce)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + bytesAtOnce) as unknown as number[]);
  return text;
}

function parameter(header: string, name: string): string | undefined {
  const match = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]*))`, 'i').exec(header);
  const value = match === null ? undefined : (match[1] ?? match[2]!);
  return value?.replace(/%22/g, '"').replace(/%0D/gi, '\r').replace(/%0A/gi, '\n');
}

/**
 * @param boundary of the Content-Type
 * @throws TypeError when the body is not a complete multipart/form-data
 */
export function parseMultipart(bytes: Uint8Array, boundary: string): Part[] {
  const text = byteString(bytes);
  const broken = () =>
    new TypeError('Failed to parse body as FormData: it is not well-formed multipart/form-data.');
  const delimiter = `--${boundary}`;
  const found: Part[] = [];
  let at = text.indexOf(delimiter);
  if (at !== 0 && text.slice(at - 2, at) !== '\r\n') throw broken();
  at += delimiter.length;
  while (!text.startsWith('--', at)) {
    if (!text.startsWith('\r\n', at)) throw broken();
    const headersEnd = text.indexOf('\r\n\r\n', at);
    const end = text.indexOf(`\r\n${delimiter}`, headersEnd + 2);
    if (headersEnd < 0 || end < 0) throw broken();
    let disposition = '';
    let type = '';
    // Names and file names are UTF-8 (RFC 7578 §5.1).
    const headers = decodeUtf8(bytes.subarray(at + 2, headersEnd));
    for (const line of headers.split('\r\n')) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).trim().toLowerCase();
      if (name === 'content-disposition') disposition = line.slice(colon + 1).trim();
      if (name === 'content-type') type = line.slice(colon + 1).trim();
    }
    const name = parameter(disposition, 'name');
    if (!/^form-data\s*;/i.test(disposition) || name === undefined) throw broken();
    const filename = parameter(disposition, 'filename');
    const start = headersEnd + 4;
    const fileType = type === '' ? 'text/plain' : type;
    found.push({ name, filename, type: fileType, bytes: bytes.slice(start, Math.max(start, end)) });
    at = end + 2 + delimiter.length;
  }
  return found;
}

function escapeName(name: string): string {
  return name.replace(/\r\n|\r|\n/g, '%0D%0A').replaceAll('"', '%22');
}

function escapeFilename(name: string): string {
  return name.replaceAll('\n', '%0A').replaceAll('\r', '%0D').replaceAll('"', '%22');
}

/** HTML §4.10.21.8, "multipart/form-data encoding algorithm". The boundary is random: content cannot forge it. */
export function serialiseMultipart(entries: readonly [string, string | File][]): {
  bytes: Uint8Array;
  boundary: string;
} {
  let digits = '';
  while (digits.length < 32)
    digits += Math.floor(Math.random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const boundary = `----formdata-noos-${digits}`;
  const chunks: Uint8Array[] = [];
  for (const [name, value] of entries) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(name)}"`;
    if (typeof value === 'string')
      chunks.push(encodeUtf8(`${head}\r\n\r\n${value.replace(/\r\n|\r|\n/g, '\r\n')}\r\n`));
    else {
      const type = value.type === '' ? 'application/octet-stream' : value.type;
      chunks.push(
        encodeUtf8(`${head}; filename="${escapeFilename(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`),
        value._bytes,
        encodeUtf8('\r\n'),
      );
    }
  }
  chunks.push(encodeUtf8(`--${boundary}--\r\n`));
  return { bytes: concatenate(chunks), boundary };
}
