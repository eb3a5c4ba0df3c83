// The application's bundle: one ECMAScript module, evaluated at build time or (kept in the image) at start.
// In: its source. Out: whether it has been evaluated. May import: engine/, platform/, kernel/.
import { context, createContext, runtime } from '../engine/context';
import { reportError, reportException, throwError } from '../engine/errors';
import {
  EVAL_TYPE_MODULE,
  engineFree,
  engineMalloc,
  JS_Eval,
  JS_PromiseResult,
  JS_PromiseState,
  JS_RunGC,
  PROMISE_PENDING,
  PROMISE_REJECTED,
} from '../engine/quickjs';
import { constantName } from '../engine/text';
import { freeValue, isException, JS_UNDEFINED } from '../engine/value';
import { engineWrite } from '../platform/index';
import { buildClock } from './clock';
import { hasDispatchFunction, setTopLevel, settle } from './dispatch';
import { defineIntrinsics } from './intrinsics/index';

/** Name of the bundle in stack traces. */
const BUNDLE_NAME = 'app.js';

/** Promise of the module's evaluation. */
let evaluation: u64 = JS_UNDEFINED;
/** A bundle that is kept for `start`. */
let keptAddress: usize = 0;
let keptLength: u32 = 0;

export const EVALUATED: u32 = 0;
export const FAILED: u32 = 1;
export const PENDING: u32 = 2;

/** Creates the engine with the host object on its global. */
export function createEngine(): void {
  buildClock();
  createContext();
  defineIntrinsics();
}

/** Keeps the bundle for `evaluateKept`. */
export function keepBundle(address: usize, length: u32): void {
  keptAddress = address;
  keptLength = length;
}

/** Evaluates the kept bundle; EVALUATED when there is none. */
export function evaluateKept(): u32 {
  if (keptAddress == 0) return EVALUATED;
  const address = keptAddress;
  keptAddress = 0;
  return evaluateBundle(address, keptLength);
}

/** Evaluates `length` bytes of source in libos memory, a NUL after them. Errors have been written to the console. */
export function evaluateBundle(address: usize, length: u32): u32 {
  const source = engineMalloc(length + 1);
  assert(source != 0, 'no memory for the bundle');
  engineWrite(source, address, length + 1);
  evaluation = JS_Eval(context, source, length, constantName(BUNDLE_NAME), EVAL_TYPE_MODULE);
  engineFree(source);
  if (isException(evaluation)) {
    reportException();
    return FAILED;
  }
  setTopLevel(evaluation);
  settle();
  return evaluationState();
}

/** Looks at the module's promise. Its rejection has been told to the runtime, or is reported here when there is none. */
export function evaluationState(): u32 {
  const state = JS_PromiseState(context, evaluation);
  if (state == PROMISE_PENDING) return PENDING;
  if (state == PROMISE_REJECTED && !hasDispatchFunction()) reportError(JS_PromiseResult(context, evaluation));
  setTopLevel(JS_UNDEFINED);
  freeValue(evaluation);
  evaluation = JS_UNDEFINED;
  return state == PROMISE_REJECTED ? FAILED : EVALUATED;
}

/** What a top level that waits for ever at build time is told. */
export function reportPending(): void {
  throwError('BuildTimeError', 'the top level awaits something that cannot happen while the image is built');
  reportException();
}

/** Collects what the top level left, so that the image does not hold it. */
export function collectGarbage(): void {
  JS_RunGC(runtime);
}
