/**
 * TextEncoder (Encoding §7.3).
 *
 * In: text. Out: the class. Imports encoding/utf8. Hand-written over the library OS's native UTF-8.
 */
import { encodeUtf8 } from './utf8.js';

export class TextEncoder {
  get encoding(): string {
    return 'utf-8';
  }

  encode(text = ''): Uint8Array<ArrayBuffer> {
    return encodeUtf8(String(text));
  }

  /** Writes as many whole characters as fit; `read` counts UTF-16 units, `written` bytes. */
  encodeInto(text: string, destination: Uint8Array): { read: number; written: number } {
    if (!(destination instanceof Uint8Array))
      throw new TypeError('encodeInto: the destination must be a Uint8Array');
    const source = String(text);
    const whole = encodeUtf8(source);
    if (whole.byteLength <= destination.byteLength) {
      destination.set(whole);
      return { read: source.length, written: whole.byteLength };
    }
    let written = destination.byteLength;
    // Back to the start of the character that does not fit.
    while (written > 0 && (whole[written]! & 0xc0) === 0x80) written--;
    destination.set(whole.subarray(0, written));
    let read = 0;
    // A four-byte character is two units, any other one.
    for (let at = 0; at < written; at++) {
      const byte = whole[at]!;
      if (byte >= 0xf0) read += 2;
      else if ((byte & 0xc0) !== 0x80) read++;
    }
    return { read, written };
  }

  get [Symbol.toStringTag](): string {
    return 'TextEncoder';
  }
}
