// utf8Encode and utf8Decode as the Encoding Standard has them. In: host calls. Out: buffers and strings.
// May import: engine/, storage/, kernel/.
import { Buffer, reserve } from '../../engine/buffer';
import { context, wordAddress } from '../../engine/context';
import { throwError } from '../../engine/errors';
import { JS_GetArrayBuffer, JS_NewStringLen } from '../../engine/quickjs';
import { newArrayBuffer, newString, readString } from '../../engine/text';
import { isTrue, JS_EXCEPTION, JS_UNDEFINED, toU32 } from '../../engine/value';
import { engineLoadU32, engineRead } from '../../platform/index';
import { replaceMalformed, replaceSurrogates, validLength } from '../utf8';
import { argument, define } from './define';

const UTF8_ENCODE: i32 = 0x20;
const UTF8_DECODE: i32 = 0x21;

const text: Buffer = changetype<Buffer>(memory.data(12));
const repaired: Buffer = changetype<Buffer>(memory.data(12));

export function defineText(host: u64): void {
  define(host, 'utf8Encode', 1, UTF8_ENCODE);
  define(host, 'utf8Decode', 4, UTF8_DECODE);
}

function encode(argv: u32): u64 {
  if (!readString(argument(argv, 0), text)) return JS_EXCEPTION;
  // QuickJS writes an unpaired surrogate as three bytes, as long as U+FFFD.
  replaceSurrogates(text.address, text.length);
  return newArrayBuffer(text.address, text.length);
}

function decode(argv: u32): u64 {
  const bytes = JS_GetArrayBuffer(context, wordAddress, argument(argv, 0));
  if (bytes == 0) return JS_EXCEPTION;
  const size = engineLoadU32(wordAddress);
  const offset = toU32(argument(argv, 1));
  const length = toU32(argument(argv, 2));
  if (offset > size || length > size - offset)
    return throwError('RangeError', 'utf8Decode: outside of the buffer');
  reserve(text, length);
  engineRead(text.address, bytes + offset, length);
  if (validLength(text.address, length) == length) return JS_NewStringLen(context, bytes + offset, length);
  if (isTrue(argument(argv, 3))) return JS_UNDEFINED;
  // Every malformed byte may become the three of U+FFFD.
  reserve(repaired, length * 3);
  return newString(repaired.address, replaceMalformed(text.address, length, repaired.address));
}

export function callText(magic: i32, argv: u32): u64 {
  return magic == UTF8_ENCODE ? encode(argv) : decode(argv);
}
