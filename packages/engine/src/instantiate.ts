/**
 * Joins engine.wasm, libos.wasm and a platform on Node: names connect, nothing is decided here.
 *
 * In: the compiled modules, a `Platform`. Out: the unikernel's functions and its state (memories, mutable globals).
 * Calls between the two modules do not pass through JavaScript (linker.wat); `bridge` copies do.
 */
import { readFileSync } from 'node:fs';
import { bindPlatform, bindUnikernel, type Platform, type Unikernel } from '@noos/abi';
import { engineBytes, linkerPath } from './module.js';

/** One linear memory and the mutable globals beside it: all the state of a module. */
export interface ModuleState {
  memory: WebAssembly.Memory;
  /** In export order `g0`, `g1`, …; an i64 global's value is a bigint. */
  globals: WebAssembly.Global[];
}

/** A unikernel joined to its platform, before `evaluate` or after a restore. */
export interface Instance {
  unikernel: Unikernel;
  engine: ModuleState;
  libos: ModuleState;
}

let engineModule: WebAssembly.Module | undefined;
let linkerModule: WebAssembly.Module | undefined;

/** The compiled engine, shared by all instances of this process. */
export function compiledEngine(): WebAssembly.Module {
  engineModule ??= new WebAssembly.Module(engineBytes());
  return engineModule;
}

function stateOf(instance: WebAssembly.Instance): ModuleState {
  const globals: WebAssembly.Global[] = [];
  for (let index = 0; ; index++) {
    const global = instance.exports[`g${index}`];
    if (!(global instanceof WebAssembly.Global)) break;
    globals.push(global);
  }
  return { memory: instance.exports.memory as WebAssembly.Memory, globals };
}

/**
 * Copies between the two memories; `access` holds the engine's own loads and stores (build.mjs), which libos calls
 * without JavaScript between.
 */
function bridge(
  access: WebAssembly.ModuleImports,
  engine: WebAssembly.Memory,
  libos: () => WebAssembly.Memory,
): WebAssembly.ModuleImports {
  let engineBytes = new Uint8Array(engine.buffer);
  let libosBytes = new Uint8Array(0);
  const refresh = (): void => {
    if (engineBytes.buffer !== engine.buffer) engineBytes = new Uint8Array(engine.buffer);
    const { buffer } = libos();
    if (libosBytes.buffer !== buffer) libosBytes = new Uint8Array(buffer);
  };
  return {
    ...access,
    engine_read(into: number, address: number, length: number): void {
      refresh();
      libosBytes.set(engineBytes.subarray(address >>> 0, (address >>> 0) + (length >>> 0)), into >>> 0);
    },
    engine_write(address: number, from: number, length: number): void {
      refresh();
      engineBytes.set(libosBytes.subarray(from >>> 0, (from >>> 0) + (length >>> 0)), address >>> 0);
    },
  };
}

/**
 * Instantiates `libos` and the engine and joins them with `platform`.
 * Throws `WebAssembly.LinkError` when `libos` imports what engine, bridge or platform lack.
 */
export function instantiate(libos: WebAssembly.Module, platform: Platform): Instance {
  linkerModule ??= new WebAssembly.Module(readFileSync(linkerPath));
  const linker = new WebAssembly.Instance(linkerModule);
  const engine = new WebAssembly.Instance(compiledEngine(), {
    env: linker.exports as WebAssembly.ModuleImports,
    wasi_snapshot_preview1: linker.exports as WebAssembly.ModuleImports,
  });
  const engineState = stateOf(engine);
  let libosMemory: WebAssembly.Memory | undefined;
  const memory = (): WebAssembly.Memory => libosMemory as WebAssembly.Memory;
  const instance = new WebAssembly.Instance(libos, {
    engine: engine.exports as WebAssembly.ModuleImports,
    bridge: bridge(engine.exports as WebAssembly.ModuleImports, engineState.memory, memory),
    platform: bindPlatform(platform, memory),
  });
  libosMemory = instance.exports.memory as WebAssembly.Memory;
  const table = linker.exports.table as WebAssembly.Table;
  for (const [index, name] of ['call', 'promise_rejection', 'clock_time_get'].entries())
    table.set(index, instance.exports[`engine_${name}`] as () => void);
  return { unikernel: bindUnikernel(instance), engine: engineState, libos: stateOf(instance) };
}
