// Strings across the two memories. In: JSValues or bytes of libos memory. Out: the other. May import: platform/, engine/.
import { engineLoadU32, engineRead, engineWrite } from '../platform/index';
import { Buffer, reserve } from './buffer';
import { context, SCRATCH_BYTES, scratchAddress, wordAddress } from './context';
import {
  engineFree,
  engineMalloc,
  JS_FreeCString,
  JS_NewArrayBufferCopy,
  JS_NewStringLen,
  JS_ToCStringLen2,
} from './quickjs';

/** A string from `length` bytes of UTF-8 in libos memory. */
export function newString(source: usize, length: u32): u64 {
  if (length <= SCRATCH_BYTES) {
    engineWrite(scratchAddress, source, length);
    return JS_NewStringLen(context, scratchAddress, length);
  }
  const room = engineMalloc(length);
  if (room == 0) return JS_NewStringLen(context, scratchAddress, 0);
  engineWrite(room, source, length);
  const value = JS_NewStringLen(context, room, length);
  engineFree(room);
  return value;
}

/** An ArrayBuffer with a copy of `length` bytes of libos memory. */
export function newArrayBuffer(source: usize, length: u32): u64 {
  if (length <= SCRATCH_BYTES) {
    engineWrite(scratchAddress, source, length);
    return JS_NewArrayBufferCopy(context, scratchAddress, length);
  }
  const room = engineMalloc(length);
  if (room == 0) return JS_NewArrayBufferCopy(context, 0, length);
  engineWrite(room, source, length);
  const value = JS_NewArrayBufferCopy(context, room, length);
  engineFree(room);
  return value;
}

/** Copies a value's string (UTF-8) into `buffer`; false when the conversion threw (the exception is pending). */
export function readString(value: u64, buffer: Buffer): bool {
  const text = JS_ToCStringLen2(context, wordAddress, value, 0);
  if (text == 0) {
    buffer.length = 0;
    return false;
  }
  const length = engineLoadU32(wordAddress);
  reserve(buffer, length);
  engineRead(buffer.address, text, length);
  JS_FreeCString(context, text);
  return true;
}

/** Longest constant. */
const CONSTANT_BYTES: i32 = 255;
const constant: usize = memory.data(256);

/** Writes an ASCII constant and a NUL to `constant` (managed strings would never be collected); returns its length. */
function spell(text: string): u32 {
  const length = min(text.length, CONSTANT_BYTES);
  for (let i = 0; i < length; i++) store<u8>(constant + i, <u8>text.charCodeAt(i));
  store<u8>(constant + length, 0);
  return length;
}

/** Puts an ASCII constant, NUL-terminated, into the engine's scratch area: a name for the C API, until the next string. */
export function constantName(name: string): u32 {
  const length = spell(name);
  engineWrite(scratchAddress, constant, length + 1);
  return scratchAddress;
}

/** A string value from an ASCII constant. */
export function constantString(text: string): u64 {
  const length = spell(text);
  return newString(constant, length);
}
