/**
 * UTF-8 through the library OS, whose native code does in one call what JavaScript does byte by byte.
 *
 * In: text or bytes. Out: bytes or text. Imports core/host.
 */
import { host } from '../core/host.js';

/** Lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(host.utf8Encode(text));
}

/** "UTF-8 decode" (Encoding §6): a byte order mark is dropped, malformed parts become U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  const text = host.utf8Decode(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, false)!;
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

export function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
