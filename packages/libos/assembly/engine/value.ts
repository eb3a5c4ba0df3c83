// JSValues as QuickJS-ng lays them out on a 32-bit machine (JS_NAN_BOXING of quickjs.h): the tag in the upper half, an
// integer or a pointer in the lower; doubles are shifted so that no tag collides with them.
// In: values. Out: numbers, booleans, constants. May import: platform/ (loads of engine memory), engine/.
import { engineLoadU64 } from '../platform/index';
import { context, wordAddress } from './context';
import { JS_FreeValue, JS_ToFloat64 } from './quickjs';

/** JS_TAG_FIRST: tags from here to -1 are pointers with a reference count. */
const TAG_FIRST: u32 = <u32>-9;
const TAG_STRING: u32 = <u32>-7;
const TAG_STRING_ROPE: u32 = <u32>-6;
const TAG_OBJECT: u32 = <u32>-1;
const TAG_INT: u32 = 0;
const TAG_FLOAT64: u32 = 8;
/** JS_FLOAT64_TAG_ADDEND, in the upper half. */
const FLOAT64_ADDEND: u64 = (<u64>(0x7ff80000 + 9 + 1)) << 32;

export const JS_FALSE: u64 = 1 << 32;
export const JS_TRUE: u64 = (1 << 32) | 1;
export const JS_NULL: u64 = 2 << 32;
export const JS_UNDEFINED: u64 = 3 << 32;
export const JS_EXCEPTION: u64 = 6 << 32;

function tagOf(value: u64): u32 {
  return <u32>(value >> 32);
}

export function isUndefined(value: u64): bool {
  return tagOf(value) == 3;
}

export function isNull(value: u64): bool {
  return tagOf(value) == 2;
}

export function isException(value: u64): bool {
  return tagOf(value) == 6;
}

export function isString(value: u64): bool {
  return tagOf(value) == TAG_STRING || tagOf(value) == TAG_STRING_ROPE;
}

export function isObject(value: u64): bool {
  return tagOf(value) == TAG_OBJECT;
}

/** True for true, and for nothing else. */
export function isTrue(value: u64): bool {
  return value == JS_TRUE;
}

export function fromBool(value: bool): u64 {
  return value ? JS_TRUE : JS_FALSE;
}

export function fromI32(value: i32): u64 {
  return <u64>(<u32>value);
}

export function fromF64(value: f64): u64 {
  const integer = <i32>value;
  // An integral double is an int, as QuickJS itself makes it; -0 stays a double.
  if (<f64>integer == value && (integer != 0 || reinterpret<u64>(value) == 0)) return fromI32(integer);
  const bits: u64 = value == value ? reinterpret<u64>(value) : 0x7ff8000000000000;
  return bits - FLOAT64_ADDEND;
}

/** An address or another u32 as a number that is never negative. */
export function fromU32(value: u32): u64 {
  return value <= 0x7fffffff ? <u64>value : fromF64(<f64>value);
}

export function fromI64(value: i64): u64 {
  return fromF64(<f64>value);
}

/** NaN for what is not a number (after JavaScript's conversion, whose exception is dropped). */
export function toF64(value: u64): f64 {
  const tag = tagOf(value);
  if (tag == TAG_INT) return <f64>(<i32>value);
  if (tag - TAG_FIRST >= TAG_FLOAT64 - TAG_FIRST) return reinterpret<f64>(value + FLOAT64_ADDEND);
  if (JS_ToFloat64(context, wordAddress, value) != 0) return NaN;
  return reinterpret<f64>(engineLoadU64(wordAddress));
}

/** Truncated towards zero and saturated; NaN becomes 0. */
export function toI32(value: u64): i32 {
  if (tagOf(value) == TAG_INT) return <i32>value;
  const number = toF64(value);
  if (!(number > -2147483648.0)) return number == number ? i32.MIN_VALUE : 0;
  return number < 2147483647.0 ? <i32>number : i32.MAX_VALUE;
}

/** Truncated and saturated to 0 … 2^32 - 1; NaN becomes 0. */
export function toU32(value: u64): u32 {
  if (tagOf(value) == TAG_INT && <i32>value >= 0) return <u32>value;
  const number = toF64(value);
  if (!(number > 0)) return 0;
  return number < 4294967295.0 ? <u32>number : u32.MAX_VALUE;
}

export function toI64(value: u64): i64 {
  if (tagOf(value) == TAG_INT) return <i64>(<i32>value);
  const number = toF64(value);
  // Integers of JavaScript are exact to 2^53.
  if (!(number > -9007199254740992.0)) return number == number ? -9007199254740992 : 0;
  return number < 9007199254740992.0 ? <i64>number : 9007199254740992;
}

/** Drops a reference; nothing for values without one. */
export function freeValue(value: u64): void {
  if (tagOf(value) >= TAG_FIRST) JS_FreeValue(context, value);
}
