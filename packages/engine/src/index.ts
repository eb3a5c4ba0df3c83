/**
 * The JavaScript engine as a WebAssembly module, and the join of engine, library OS and platform on Node.
 *
 * In: build/engine.wasm (see build.mjs). Out: its bytes and digest, `instantiate`. May import: abi.
 */
export * from './instantiate.js';
export * from './module.js';
