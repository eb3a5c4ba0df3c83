// libos.wasm: the unikernel's exports (docs/platform-interface.md) and the answers to the engine's imports, named
// engine_<import>. May import: kernel/, engine/.
import { trackRejection } from './engine/jobs';
import {
  collectGarbage,
  createEngine,
  EVALUATED,
  evaluateBundle,
  keepBundle,
  PENDING,
  reportPending,
} from './kernel/application';
import { sinceStartNs } from './kernel/clock';
import { callIntrinsic } from './kernel/intrinsics/index';
import { startUnikernel, turnUnikernel } from './kernel/turn';
import './platform/abort';
import { engineStoreU64 } from './platform/index';
import { wallNs } from './time/clock';

/** WASI's clock identifier of wall-clock time. */
const CLOCK_REALTIME: u32 = 0;

export function allocate(length: u32): usize {
  return heap.alloc(length);
}

export function evaluate(address: usize, length: u32): u32 {
  createEngine();
  const result = evaluateBundle(address, length);
  heap.free(address);
  if (result == PENDING) reportPending();
  collectGarbage();
  return result == EVALUATED ? 0 : 1;
}

export function evaluate_at_start(address: usize, length: u32): void {
  createEngine();
  keepBundle(address, length);
}

export function start(nowMonotonicNs: u64, nowWallNs: u64): u64 {
  return startUnikernel(nowMonotonicNs, nowWallNs);
}

export function turn(nowMonotonicNs: u64, nowWallNs: u64, events: u32): u64 {
  return turnUnikernel(nowMonotonicNs, nowWallNs, events);
}

/** A call of a host function by JavaScript. */
export function engine_call(context: u32, self: u64, count: i32, argv: u32, magic: i32): u64 {
  return callIntrinsic(magic, argv);
}

export function engine_promise_rejection(
  context: u32,
  promise: u64,
  reason: u64,
  handled: i32,
  opaque: u32,
): void {
  trackRejection(promise, reason, handled != 0);
}

/** WASI clock_time_get: wall clock of the turn, or time since start; the result is an address in engine memory. */
export function engine_clock_time_get(clock: u32, precision: u64, result: u32): u32 {
  engineStoreU64(result, clock == CLOCK_REALTIME ? wallNs : sinceStartNs());
  return 0;
}
