// Events into JavaScript: one call of the runtime's dispatch function each, then the jobs it caused.
// In: an event's values, pushed with `pushArgument`. Out: calls. May import: platform/, engine/.
import { callFunction, pushArgument } from '../engine/call';
import { drainJobs, rejectedPromise, rejectionHandled, rejectionReason, takeRejection } from '../engine/jobs';
import { fromBool, fromI32, fromU32, JS_UNDEFINED } from '../engine/value';
import { DISPATCH_REJECTION } from '../platform/index';

let dispatchFunction: u64 = JS_UNDEFINED;

export function setDispatchFunction(value: u64): void {
  dispatchFunction = value;
}

/** Promise of the application's top level: its rejection is reported as such. */
let topLevel: u64 = JS_UNDEFINED;

export function setTopLevel(promise: u64): void {
  topLevel = promise;
}

export function hasDispatchFunction(): bool {
  return dispatchFunction != JS_UNDEFINED;
}

/** Begins an event: `kind` is one of DISPATCH_*. Arguments follow with `pushArgument`, then `dispatch`. */
export function beginEvent(kind: u32): void {
  pushArgument(fromU32(kind));
}

/** Delivers the event that was begun, then runs all jobs. False: the application could not take it. */
export function dispatch(): bool {
  const delivered = callFunction(dispatchFunction);
  settle();
  return delivered;
}

/** An event without arguments, or with one or two integers. */
export function dispatchEvent(kind: u32): void {
  beginEvent(kind);
  dispatch();
}

export function dispatchHandle(kind: u32, handle: i32): void {
  beginEvent(kind);
  pushArgument(fromI32(handle));
  dispatch();
}

export function dispatchHandleValue(kind: u32, handle: i32, value: i32): void {
  beginEvent(kind);
  pushArgument(fromI32(handle));
  pushArgument(fromI32(value));
  dispatch();
}

/** Runs pending jobs and tells of rejections that no handler has met. */
export function settle(): void {
  drainJobs();
  while (dispatchFunction != JS_UNDEFINED && takeRejection()) {
    beginEvent(DISPATCH_REJECTION);
    pushArgument(rejectedPromise);
    pushArgument(rejectionReason);
    pushArgument(fromBool(rejectionHandled));
    pushArgument(fromBool(rejectedPromise == topLevel));
    callFunction(dispatchFunction);
    drainJobs();
  }
}
