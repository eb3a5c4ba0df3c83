// A range (buffer, offset, length) of three arguments, copied into libos memory, and byte results.
// In: host call arguments. Out: bytes. May import: engine/, kernel/.
import { Buffer, reserve } from '../../engine/buffer';
import { context, wordAddress } from '../../engine/context';
import { throwError } from '../../engine/errors';
import { JS_GetArrayBuffer } from '../../engine/quickjs';
import { toU32 } from '../../engine/value';
import { engineLoadU32, engineRead } from '../../platform/index';
import { argument } from './define';

/** What `readRange` copied; its bytes stay until the next call. */
export const range: Buffer = changetype<Buffer>(memory.data(12));

/**
 * Copies at most `limit` bytes of the range in arguments `first` to `first` + 2 into `range`, from byte `skip` of it
 * on. False: thrown, because the first is no ArrayBuffer or the range lies outside.
 */
export function readRange(argv: u32, first: u32, limit: u32, skip: u32 = 0): bool {
  const bytes = JS_GetArrayBuffer(context, wordAddress, argument(argv, first));
  if (bytes == 0) return false;
  const size = engineLoadU32(wordAddress);
  const offset = toU32(argument(argv, first + 1));
  const length = toU32(argument(argv, first + 2));
  if (offset > size || length > size - offset) {
    throwError('RangeError', 'the range lies outside of the buffer');
    return false;
  }
  const start = min(skip, length);
  reserve(range, min(length - start, limit));
  engineRead(range.address, bytes + offset + start, range.length);
  return true;
}

/** Copies a whole ArrayBuffer into `target`; false when `value` is none (thrown). */
export function readArrayBuffer(value: u64, target: Buffer): bool {
  const bytes = JS_GetArrayBuffer(context, wordAddress, value);
  if (bytes == 0) return false;
  reserve(target, engineLoadU32(wordAddress));
  engineRead(target.address, bytes, target.length);
  return true;
}
