// Calls from libos into JavaScript with an argument vector that is reused. In: values. Out: the result's fate.
// May import: platform/, engine/.
import { engineWrite } from '../platform/index';
import { argumentsAddress, context } from './context';
import { reportException } from './errors';
import { JS_Call } from './quickjs';
import { freeValue, isException, JS_UNDEFINED } from './value';

/** The arguments of the next call: eight values. */
const values: usize = memory.data(64);
let count: u32 = 0;

/** An argument could not be made: the JavaScript heap is full. */
let incomplete: bool = false;

/** Appends an argument; the call takes over the reference. */
export function pushArgument(value: u64): void {
  if (isException(value)) incomplete = true;
  store<u64>(values + count++ * 8, value);
}

/**
 * Calls `callee` with the pushed arguments and drops the result. False: it threw, or there was no memory for an
 * argument; the exception went to the console. Only from the turn loop: calls made here do not nest.
 */
export function callFunction(callee: u64): bool {
  if (incomplete) {
    for (let i: u32 = 0; i < count; i++) freeValue(load<u64>(values + i * 8));
    count = 0;
    incomplete = false;
    reportException();
    return false;
  }
  engineWrite(argumentsAddress, values, count * 8);
  const result = JS_Call(context, callee, JS_UNDEFINED, count, argumentsAddress);
  for (let i: u32 = 0; i < count; i++) freeValue(load<u64>(values + i * 8));
  count = 0;
  if (isException(result)) {
    reportException();
    return false;
  }
  freeValue(result);
  return true;
}
