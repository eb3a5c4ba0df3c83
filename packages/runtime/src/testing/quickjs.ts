/**
 * Runs a bundle in QuickJS-ng under Node with the fake host.
 *
 * In: a bundle's code. Out: its machine, driven by expressions. Imports quickjs-wasi.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EvalFlags, type JSValueHandle, QuickJS } from 'quickjs-wasi';
import { fakeHostSource } from './fake-host.js';

export interface Machine {
  /** Value of an expression inside, through JSON; then runs pending jobs. */
  evaluate(expression: string): unknown;
  /** Runs pending jobs. */
  jobs(): void;
  close(): void;
}

function bufferOf(vm: QuickJS, bytes: Uint8Array): JSValueHandle {
  return vm.newArrayBuffer(bytes.slice().buffer as ArrayBuffer);
}

/**
 * Evaluates a bundle's top level, as at build time.
 * @throws what the top level throws
 */
export async function boot(code: string, prelude = ''): Promise<Machine> {
  const wasm = readFileSync(fileURLToPath(import.meta.resolve('quickjs-wasi/quickjs.wasm')));
  const vm: QuickJS = await QuickJS.create({
    wasm,
    onUnhandledRejection(promise: JSValueHandle, reason: JSValueHandle, isHandled: boolean) {
      const report = vm.evalCode('(...values) => __test.dispatch?.(40, ...values)');
      vm.callFunction(report, vm.undefined, promise, reason, isHandled ? vm.true : vm.false).dispose();
      report.dispose();
    },
  });
  const encode = vm.newFunction('utf8Encode', (text) =>
    bufferOf(vm, new TextEncoder().encode(text!.toString())),
  );
  const decode = vm.newFunction('utf8Decode', (buffer, offset, length, fatal) => {
    const start = offset!.toNumber();
    const bytes = new Uint8Array(buffer!.toArrayBuffer()).slice(start, start + length!.toNumber());
    try {
      return vm.newString(
        new TextDecoder('utf-8', { fatal: vm.dump(fatal!) === true, ignoreBOM: true }).decode(bytes),
      );
    } catch {
      return vm.undefined;
    }
  });
  vm.setProp(vm.global, '__utf8Encode', encode);
  vm.setProp(vm.global, '__utf8Decode', decode);
  vm.evalCode(fakeHostSource, 'fake-host.js').dispose();
  if (prelude !== '') vm.evalCode(prelude, 'prelude.js').dispose();
  const result = vm.evalCode(code, 'app.js', EvalFlags.TYPE_MODULE);
  vm.setProp(vm.global, '__evaluated', result);
  vm.evalCode(
    'globalThis.__state = "pending"; __evaluated.then(() => { __state = "done" }, (e) => { __state = e.name + ": " + e.message })',
  ).dispose();
  vm.executePendingJobs();
  const state = vm.evalCode('__state').consume((handle) => handle.toString());
  if (state !== 'done') throw new Error(state);
  return {
    evaluate(expression) {
      const text = vm
        .evalCode(`JSON.stringify(${expression}) ?? 'null'`, 'test.js')
        .consume((handle) => handle.toString());
      vm.executePendingJobs();
      return JSON.parse(text);
    },
    jobs() {
      vm.executePendingJobs();
    },
    close() {
      vm.dispose();
    },
  };
}
