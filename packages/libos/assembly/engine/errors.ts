// JavaScript exceptions: to the console, and thrown from here. In: the pending exception. Out: its text on stream 2.
// May import: platform/, engine/.
import { consoleWrite, engineStoreU64 } from '../platform/index';
import { Buffer } from './buffer';
import { context, scratchAddress } from './context';
import {
  JS_CallConstructor,
  JS_GetException,
  JS_GetGlobalObject,
  JS_GetPropertyStr,
  JS_IsError,
  JS_SetPropertyStr,
  JS_Throw,
} from './quickjs';
import { constantName, constantString, readString } from './text';
import { freeValue, isException, isString, JS_EXCEPTION } from './value';

const message: Buffer = changetype<Buffer>(memory.data(12));
const NEWLINE: usize = memory.data<u8>([10]);

function writeValue(value: u64): void {
  if (readString(value, message)) consoleWrite(2, message.address, message.length);
  else freeValue(JS_GetException(context));
}

/** Writes "Name: message\n    at …" of a value and frees it. */
export function reportError(value: u64): void {
  writeValue(value);
  consoleWrite(2, NEWLINE, 1);
  if (JS_IsError(value)) {
    const stack = JS_GetPropertyStr(context, value, constantName('stack'));
    if (isException(stack)) freeValue(JS_GetException(context));
    else if (isString(stack)) writeValue(stack);
    freeValue(stack);
  }
  freeValue(value);
}

/** Writes the pending exception and clears it. */
export function reportException(): void {
  reportError(JS_GetException(context));
}

/** Throws an Error with the name and message; returns the value a host function returns then. */
export function throwError(name: string, text: string): u64 {
  const global = JS_GetGlobalObject(context);
  const constructor = JS_GetPropertyStr(context, global, constantName('Error'));
  const messageValue = constantString(text);
  engineStoreU64(scratchAddress, messageValue);
  const error = JS_CallConstructor(context, constructor, 1, scratchAddress);
  freeValue(messageValue);
  freeValue(constructor);
  freeValue(global);
  if (isException(error)) return JS_EXCEPTION;
  // Before the property's name, which stays in the scratch area only until the next string.
  const nameValue = constantString(name);
  JS_SetPropertyStr(context, error, constantName('name'), nameValue);
  return JS_Throw(context, error);
}
