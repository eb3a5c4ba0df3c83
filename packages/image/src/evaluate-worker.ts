/** The worker of evaluate.ts: evaluates one bundle on a stack that holds deep JavaScript recursion. */
import { parentPort, workerData } from 'node:worker_threads';
import { instantiate } from '@noos/engine';
import { compiledLibos } from '@noos/libos';
import { createBuildPlatform } from './build-platform.js';
import type { EvaluationRequest, EvaluationResult } from './evaluate.js';
import { captureMemory } from './memory-image.js';

function evaluate({ code, atStart }: EvaluationRequest): EvaluationResult {
  const build = createBuildPlatform();
  try {
    const { unikernel, engine, libos } = instantiate(compiledLibos(), build.platform);
    const source = new TextEncoder().encode(code);
    // The interface wants a NUL after the source.
    const address = unikernel.allocate(source.length + 1);
    const memory = new Uint8Array(libos.memory.buffer);
    memory.set(source, address);
    memory[address + source.length] = 0;
    if (atStart) unikernel.evaluateAtStart(address, source.length);
    else if (unikernel.evaluate(address, source.length) !== 0) return { console: build.text() };
    return {
      console: build.text(),
      evaluated: { engine: captureMemory(engine), libos: captureMemory(libos) },
    };
  } catch (error) {
    return { console: `${build.text()}${(error as Error).message}\n` };
  }
}

parentPort?.postMessage(evaluate(workerData as EvaluationRequest));
