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

/** Appends an argument; the call takes over the reference. */
export function pushArgument(value: u64): void {
  store<u64>(values + count++ * 8, value);
}

/**
 * Calls `callee` with the pushed arguments and drops the result; an exception goes to the console.
 * Only from the turn loop: calls made here do not nest.
 */
export function callFunction(callee: u64): void {
  engineWrite(argumentsAddress, values, count * 8);
  const result = JS_Call(context, callee, JS_UNDEFINED, count, argumentsAddress);
  for (let i: u32 = 0; i < count; i++) freeValue(load<u64>(values + i * 8));
  count = 0;
  if (isException(result)) reportException();
  else freeValue(result);
}
