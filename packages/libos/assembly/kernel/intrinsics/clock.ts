// monotonicMs, wallMs, setDeadline, entropy, Math.random. In: host calls. Out: times, the application's deadline,
// random bytes. May import: engine/, platform/, kernel/.
import { context } from '../../engine/context';
import { throwError } from '../../engine/errors';
import { JS_GetGlobalObject, JS_GetPropertyStr } from '../../engine/quickjs';
import { constantName, newArrayBuffer } from '../../engine/text';
import { freeValue, fromF64, JS_UNDEFINED, toF64, toU32 } from '../../engine/value';
import { entropyRead } from '../../platform/index';
import { randomU64 } from '../../platform/random';
import { wallNs } from '../../time/clock';
import { sinceStartNs } from '../clock';
import { setApplicationDeadline } from '../deadline';
import { argument, define, NEEDS_START } from './define';

const MONOTONIC_MS: i32 = 0x10;
const WALL_MS: i32 = 0x11;
const SET_DEADLINE: i32 = 0x12;
const ENTROPY: i32 = 0x13 | NEEDS_START;
const MATH_RANDOM: i32 = 0x14 | NEEDS_START;

const ENTROPY_MAX_BYTES: u32 = 65536;
const NANOSECONDS_PER_MS: f64 = 1e6;

export function defineClock(host: u64): void {
  define(host, 'monotonicMs', 0, MONOTONIC_MS);
  define(host, 'wallMs', 0, WALL_MS);
  define(host, 'setDeadline', 1, SET_DEADLINE);
  define(host, 'entropy', 1, ENTROPY);
  // QuickJS seeds its own Math.random when a context is made, so every instance of an image would share it.
  const global = JS_GetGlobalObject(context);
  const math = JS_GetPropertyStr(context, global, constantName('Math'));
  define(math, 'random', 0, MATH_RANDOM);
  freeValue(math);
  freeValue(global);
}

function entropy(length: u32): u64 {
  if (length < 1 || length > ENTROPY_MAX_BYTES) return throwError('RangeError', 'entropy: 1 to 65536 bytes');
  const bytes = heap.alloc(length);
  entropyRead(bytes, length);
  const buffer = newArrayBuffer(bytes, length);
  memory.fill(bytes, 0, length);
  heap.free(bytes);
  return buffer;
}

export function callClock(magic: i32, argv: u32): u64 {
  switch (magic) {
    case MONOTONIC_MS:
      return fromF64(<f64>sinceStartNs() / NANOSECONDS_PER_MS);
    case WALL_MS:
      return fromF64(<f64>wallNs / NANOSECONDS_PER_MS);
    case SET_DEADLINE:
      setApplicationDeadline(toF64(argument(argv, 0)));
      return JS_UNDEFINED;
    case ENTROPY:
      return entropy(toU32(argument(argv, 0)));
    default:
      return fromF64(<f64>(randomU64() >> 11) * (1.0 / 9007199254740992.0));
  }
}
