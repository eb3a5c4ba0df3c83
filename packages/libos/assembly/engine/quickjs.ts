// QuickJS's C API as externs (quickjs.h of QuickJS-ng). In: engine.wasm. Out: the same functions, typed.
// A JSContext, JSRuntime or char pointer is an address in *engine* memory; a JSValue is a NaN-boxed i64.
// May import: nothing.

@external("engine", "_initialize")
export declare function initialize(): void;
@external("engine", "malloc")
export declare function engineMalloc(bytes: u32): u32;
@external("engine", "free")
export declare function engineFree(address: u32): void;

@external("engine", "JS_NewRuntime")
export declare function JS_NewRuntime(): u32;
@external("engine", "JS_NewContext")
export declare function JS_NewContext(runtime: u32): u32;
@external("engine", "JS_SetMemoryLimit")
export declare function JS_SetMemoryLimit(runtime: u32, bytes: u32): void;
@external("engine", "JS_SetMaxStackSize")
export declare function JS_SetMaxStackSize(runtime: u32, bytes: u32): void;
@external("engine", "JS_GetGCThreshold")
export declare function JS_GetGCThreshold(runtime: u32): u32;
@external("engine", "JS_SetGCThreshold")
export declare function JS_SetGCThreshold(runtime: u32, bytes: u32): void;
@external("engine", "JS_RunGC")
export declare function JS_RunGC(runtime: u32): void;
@external("engine", "JS_ExecutePendingJob")
export declare function JS_ExecutePendingJob(runtime: u32, contextOut: u32): i32;

@external("engine", "JS_Eval")
export declare function JS_Eval(context: u32, input: u32, length: u32, fileName: u32, flags: i32): u64;
@external("engine", "JS_Call")
export declare function JS_Call(context: u32, callee: u64, self: u64, count: i32, values: u32): u64;
@external("engine", "JS_CallConstructor")
export declare function JS_CallConstructor(context: u32, constructor: u64, count: i32, values: u32): u64;
@external("engine", "JS_PromiseState")
export declare function JS_PromiseState(context: u32, promise: u64): i32;
@external("engine", "JS_PromiseResult")
export declare function JS_PromiseResult(context: u32, promise: u64): u64;

@external("engine", "JS_DupValue")
export declare function JS_DupValue(context: u32, value: u64): u64;
@external("engine", "JS_FreeValue")
export declare function JS_FreeValue(context: u32, value: u64): void;
@external("engine", "JS_GetException")
export declare function JS_GetException(context: u32): u64;
@external("engine", "JS_Throw")
export declare function JS_Throw(context: u32, value: u64): u64;
@external("engine", "JS_IsError")
export declare function JS_IsError(value: u64): i32;
@external("engine", "JS_IsFunction")
export declare function JS_IsFunction(context: u32, value: u64): i32;

@external("engine", "JS_NewObject")
export declare function JS_NewObject(context: u32): u64;
@external("engine", "JS_GetGlobalObject")
export declare function JS_GetGlobalObject(context: u32): u64;
@external("engine", "JS_GetPropertyStr")
export declare function JS_GetPropertyStr(context: u32, self: u64, name: u32): u64;
@external("engine", "JS_SetPropertyStr")
export declare function JS_SetPropertyStr(context: u32, self: u64, name: u32, value: u64): i32;

@external("engine", "JS_NewStringLen")
export declare function JS_NewStringLen(context: u32, text: u32, length: u32): u64;
@external("engine", "JS_ToCStringLen2")
export declare function JS_ToCStringLen2(context: u32, lengthOut: u32, value: u64, cesu8: i32): u32;
@external("engine", "JS_FreeCString")
export declare function JS_FreeCString(context: u32, text: u32): void;
@external("engine", "JS_ToFloat64")
export declare function JS_ToFloat64(context: u32, numberOut: u32, value: u64): i32;
@external("engine", "JS_NewArrayBufferCopy")
export declare function JS_NewArrayBufferCopy(context: u32, bytes: u32, length: u32): u64;
@external("engine", "JS_GetArrayBuffer")
export declare function JS_GetArrayBuffer(context: u32, lengthOut: u32, value: u64): u32;

/** Added by packages/engine/build.mjs: a function object whose calls arrive at `engine_call` with `magic`. */
@external("engine", "NOOS_NewFunction")
export declare function NOOS_NewFunction(context: u32, name: u32, length: i32, magic: i32): u64;
/** Added by packages/engine/build.mjs: rejections arrive at `engine_promise_rejection`. */
@external("engine", "NOOS_TrackRejections")
export declare function NOOS_TrackRejections(runtime: u32): void;

/** JS_EVAL_TYPE_MODULE. */
export const EVAL_TYPE_MODULE: i32 = 1;
/** JSPromiseStateEnum. */
export const PROMISE_PENDING: i32 = 0;
export const PROMISE_REJECTED: i32 = 2;
