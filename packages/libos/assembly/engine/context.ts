// The one JavaScript runtime and context, and a scratch area in engine memory that calls reuse.
// In: limits. Out: `context`, `runtime`, scratch addresses. May import: platform/, engine/.
import {
  engineMalloc,
  initialize,
  JS_GetGCThreshold,
  JS_NewContext,
  JS_NewRuntime,
  JS_SetGCThreshold,
  JS_SetMaxStackSize,
  JS_SetMemoryLimit,
  NOOS_TrackRejections,
} from './quickjs';

/**
 * Bytes of the shadow stack that JavaScript may use. Native frames grow with it: a target's stack must hold the
 * worst case that this limit lets through (docs/decisions.md).
 */
const STACK_BYTES: u32 = 512 * 1024;
/** JavaScript heap while the top level is evaluated; `memory.engine` sets the limit from `start` on. */
const BUILD_MEMORY_BYTES: u32 = 512 * 1024 * 1024;
/** Bytes allocated since the last collection before cycles are looked for. */
const GC_THRESHOLD_BYTES: u32 = 1024 * 1024;

/** Engine memory: one word for results, the argument vector, then room for a string. */
const WORD_BYTES: u32 = 8;
export const ARGUMENTS_MAX: u32 = 8;
export const SCRATCH_BYTES: u32 = 16 * 1024;

export let runtime: u32 = 0;
export let context: u32 = 0;
/** Where C functions put a result that comes through a pointer. */
export let wordAddress: u32 = 0;
/** Argument vector of calls into JavaScript. */
export let argumentsAddress: u32 = 0;
/** Bytes of a string or buffer on their way in. */
export let scratchAddress: u32 = 0;

/** Creates the engine: once, at build time. */
export function createContext(): void {
  initialize();
  runtime = JS_NewRuntime();
  assert(runtime != 0, 'no memory for the JavaScript engine');
  context = JS_NewContext(runtime);
  assert(context != 0, 'no memory for the JavaScript engine');
  JS_SetMaxStackSize(runtime, STACK_BYTES);
  JS_SetMemoryLimit(runtime, BUILD_MEMORY_BYTES);
  JS_SetGCThreshold(runtime, GC_THRESHOLD_BYTES);
  NOOS_TrackRejections(runtime);
  wordAddress = engineMalloc(WORD_BYTES + ARGUMENTS_MAX * 8 + SCRATCH_BYTES);
  argumentsAddress = wordAddress + WORD_BYTES;
  scratchAddress = argumentsAddress + ARGUMENTS_MAX * 8;
}

/** The collector runs at this size at the latest. */
let latestThresholdBytes: u32 = u32.MAX_VALUE;

/** Limits the JavaScript heap: an allocation beyond it is a JavaScript error. */
export function limitMemory(bytes: u32): void {
  JS_SetMemoryLimit(runtime, bytes);
  latestThresholdBytes = bytes - (bytes >> 2);
}

/**
 * Once a turn: QuickJS looks for cycles next at one and a half times what the last collection left, which may lie
 * beyond the limit; a full heap would then be an error although there is garbage in it.
 */
export function boundThreshold(): void {
  if (JS_GetGCThreshold(runtime) > latestThresholdBytes) JS_SetGCThreshold(runtime, latestThresholdBytes);
}
