// The host object `__noos` (Intrinsics of packages/abi/src/intrinsics.ts). In: calls by number. Out: the group's answer.
// May import: engine/, kernel/.
import { context } from '../../engine/context';
import { JS_GetGlobalObject, JS_NewObject, JS_SetPropertyStr } from '../../engine/quickjs';
import { constantName } from '../../engine/text';
import { freeValue } from '../../engine/value';
import { started } from '../phase';
import { callClock, defineClock } from './clock';
import { callConsole, defineConsole } from './console';
import { GROUP_SHIFT, NEEDS_START, throwBuildTimeError } from './define';
import { callDns, defineDns } from './dns';
import { callHttp, defineHttp } from './http';
import { callTcp, defineTcp } from './tcp';
import { callText, defineText } from './text';
import { callUdp, defineUdp } from './udp';

/** Puts the host object on the global `__noos`; the runtime's first module takes it from there. */
export function defineIntrinsics(): void {
  const host = JS_NewObject(context);
  defineConsole(host);
  defineClock(host);
  defineText(host);
  defineHttp(host);
  defineTcp(host);
  defineUdp(host);
  defineDns(host);
  const global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, constantName('__noos'), host);
  freeValue(global);
}

/** A call of a host function: `argv` is the address of its arguments in engine memory. */
export function callIntrinsic(magic: i32, argv: u32): u64 {
  if ((magic & NEEDS_START) != 0 && !started) return throwBuildTimeError();
  switch ((magic & ~NEEDS_START) >> GROUP_SHIFT) {
    case 0:
      return callConsole(magic, argv);
    case 1:
      return callClock(magic, argv);
    case 2:
      return callText(magic, argv);
    case 3:
      return callHttp(magic, argv);
    case 4:
      return callTcp(magic, argv);
    case 5:
      return callUdp(magic, argv);
    default:
      return callDns(argv);
  }
}
