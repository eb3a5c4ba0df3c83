/**
 * A native runtime, or the error that it is missing.
 *
 * In: native's look-up. Out: the runtime, or HostError. May import: native's types, errors.
 */
import type { NativeRuntime } from '@noos/native';
import { HostError } from '../errors.js';

/** Calls `find`; a runtime that is not built becomes `runtime-not-built`. */
export function nativeRuntime(find: () => NativeRuntime): NativeRuntime {
  try {
    return find();
  } catch (error) {
    throw new HostError('runtime-not-built', (error as Error).message, { cause: error });
  }
}
