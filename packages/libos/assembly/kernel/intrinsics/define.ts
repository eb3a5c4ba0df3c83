// Registration of host functions on the `__noos` object. In: a name, the number of parameters, a number.
// Out: a function whose calls arrive in `index.ts` with that number. May import: engine/.
import { context } from '../../engine/context';
import { throwError } from '../../engine/errors';
import { JS_SetPropertyStr, NOOS_NewFunction } from '../../engine/quickjs';
import { constantName } from '../../engine/text';
import { engineLoadU64 } from '../../platform/index';

/** Calls of a function with this bit in its number throw before `start`. */
export const NEEDS_START: i32 = 0x100;
/** Numbers are group << 4 | index. */
export const GROUP_SHIFT: i32 = 4;

/** Puts function number `magic` on `target` as `name`. The engine passes at least `length` arguments. */
export function define(target: u64, name: string, length: i32, magic: i32): void {
  const nameAddress = constantName(name);
  JS_SetPropertyStr(context, target, nameAddress, NOOS_NewFunction(context, nameAddress, length, magic));
}

/** Argument `index` of a host call; the reference stays the caller's. */
export function argument(argv: u32, index: u32): u64 {
  return engineLoadU64(argv + index * 8);
}

/** What a function marked [start] throws while the top level is evaluated. */
export function throwBuildTimeError(): u64 {
  return throwError(
    'BuildTimeError',
    'the top level of an application runs once, when its image is built: no I/O, timers or randomness there; use them in the handler',
  );
}
