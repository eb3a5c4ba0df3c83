/**
 * TextDecoder (Encoding §7.1) for UTF-8, UTF-16LE and windows-1252 (which the labels latin1 and ascii mean).
 *
 * In: bytes. Out: the class. Imports core/host. Hand-written over the library OS's native UTF-8; the other encodings
 * of the standard need tables of hundreds of kilobytes.
 */
import { host } from '../core/host.js';
import { concatenate } from './utf8.js';

const labels: Record<string, string> = {};
for (const [encoding, names] of [
  ['utf-8', 'unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8'],
  ['utf-16le', 'csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le'],
  [
    'windows-1252',
    'ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252',
  ],
] as const)
  for (const name of names.split(' ')) labels[name] = encoding;

/** windows-1252, 0x80 to 0x9f. */
const windows1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

/** Units given to String.fromCharCode at once: arguments lie on the engine's stack. */
const unitsAtOnce = 4096;

export class TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** Bytes of a character whose rest is still to come. */
  _pending: Uint8Array = new Uint8Array(0);
  _started = false;

  constructor(label = 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean } | null) {
    const encoding = labels[String(label).trim().toLowerCase()];
    if (encoding === undefined)
      throw new RangeError(`The "${label}" encoding is not supported: utf-8, utf-16le and windows-1252 are`);
    this.encoding = encoding;
    this.fatal = Boolean(options?.fatal);
    this.ignoreBOM = Boolean(options?.ignoreBOM);
  }

  decode(input?: ArrayBuffer | ArrayBufferView | null, options?: { stream?: boolean } | null): string {
    let bytes = view(input);
    if (this._pending.byteLength > 0) bytes = concatenate([this._pending, bytes]);
    const more = Boolean(options?.stream);
    const held = more ? heldBack(this.encoding, bytes) : 0;
    const whole = bytes.byteLength - held;
    this._pending = held === 0 ? new Uint8Array(0) : bytes.slice(whole);
    let text: string;
    try {
      text = decodeWhole(this, bytes.subarray(0, whole));
    } catch (error) {
      this._pending = new Uint8Array(0);
      this._started = false;
      throw error;
    }
    if (!this._started && text !== '') {
      this._started = true;
      if (!this.ignoreBOM && this.encoding !== 'windows-1252' && text.charCodeAt(0) === 0xfeff)
        text = text.slice(1);
    }
    if (!more) this._started = false;
    return text;
  }

  get [Symbol.toStringTag](): string {
    return 'TextDecoder';
  }
}

function view(input: ArrayBuffer | ArrayBufferView | null | undefined): Uint8Array {
  if (input === undefined) return new Uint8Array(0);
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  throw new TypeError('TextDecoder.decode: the input must be an ArrayBuffer or a view of one');
}

function malformed(encoding: string): TypeError {
  return new TypeError(`The encoded data was not valid for encoding ${encoding}`);
}

function decodeWhole({ encoding, fatal }: TextDecoder, bytes: Uint8Array): string {
  if (encoding === 'utf-8') {
    const text = host.utf8Decode(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength, fatal);
    if (text === undefined) throw malformed(encoding);
    return text;
  }
  if (encoding === 'windows-1252')
    return characters(bytes).replace(
      /[\x80-\x9f]/g,
      (character) => windows1252[character.charCodeAt(0) - 0x80]!,
    );
  const units = new Uint16Array(bytes.byteLength >> 1);
  for (let index = 0; index < units.length; index++)
    units[index] = bytes[2 * index]! | (bytes[2 * index + 1]! << 8);
  let text = characters(units);
  const odd = bytes.byteLength % 2 === 1;
  // An odd byte after a high surrogate is one error with it.
  const last = text.charCodeAt(text.length - 1);
  if (odd && !(last >= 0xd800 && last <= 0xdbff)) text += '\ufffd';
  const formed = text.toWellFormed();
  if (fatal && (formed !== text || odd)) throw malformed(encoding);
  return formed;
}

function characters(units: Uint8Array | Uint16Array): string {
  let text = '';
  for (let at = 0; at < units.length; at += unitsAtOnce)
    text += String.fromCharCode.apply(null, units.subarray(at, at + unitsAtOnce) as unknown as number[]);
  return text;
}

/** Bytes at the end that may be the beginning of a character. */
function heldBack(encoding: string, bytes: Uint8Array): number {
  const { length } = bytes;
  if (encoding === 'windows-1252') return 0;
  if (encoding === 'utf-16le') {
    const odd = length % 2;
    const high = length - odd >= 2 ? bytes[length - odd - 1]! : 0;
    return high >= 0xd8 && high <= 0xdb ? odd + 2 : odd;
  }
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed =
      byte >= 0xf0 && byte <= 0xf4
        ? 4
        : byte >= 0xe0 && byte <= 0xef
          ? 3
          : byte >= 0xc2 && byte <= 0xdf
            ? 2
            : 1;
    if (needed <= back) return 0;
    return back === 1 || continues(byte, bytes[length - back + 1]!) ? back : 0;
  }
  return 0;
}

/** Whether `second` may follow the lead byte (Unicode table 3-7). */
function continues(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0;
  if (lead === 0xed) return second <= 0x9f;
  if (lead === 0xf0) return second >= 0x90;
  if (lead === 0xf4) return second <= 0x8f;
  return true;
}
