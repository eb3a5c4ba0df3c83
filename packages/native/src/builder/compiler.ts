/**
 * gcc with a cache: an object is compiled once per content of its inputs.
 *
 * In: C sources, flags. Out: objects named by digest in `build/objects`, linked binaries. May import: node's own modules.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs a program of the build; its error output becomes the error's message. */
export async function runTool(program: string, toolArguments: string[]): Promise<string> {
  try {
    return (await run(program, toolArguments, { maxBuffer: 16 << 20 })).stdout;
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new Error(`${program} is missing: run npm run setup`);
    throw new Error(`${program} failed: ${stderr || message}`);
  }
}

/** One C source to compile. `includes`: directories; every header in them counts as an input. */
export interface CompileRequest {
  source: string;
  flags: string[];
  includes: string[];
  /** Compiler driver, gcc unless said otherwise. */
  compiler?: string;
}

function headersOf(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.h'))
    .sort()
    .map((name) => `${directory}/${name}`);
}

/** Compiles into `objects` unless an object of the same inputs is there; returns the object's path. */
export async function compile(request: CompileRequest, objects: string): Promise<string> {
  const compiler = request.compiler ?? 'gcc';
  const hash = createHash('sha256').update(JSON.stringify([compiler, request.flags]));
  for (const file of [request.source, ...request.includes.flatMap(headersOf)])
    hash.update(readFileSync(file));
  const name = request.source.replace(/^.*\//, '').replace(/\.[cS]$/, '');
  const object = `${objects}/${name}-${hash.digest('hex').slice(0, 16)}.o`;
  if (existsSync(object)) return object;
  const partial = `${object}.${process.pid}`;
  const includes = request.includes.flatMap((directory) => ['-I', directory]);
  await runTool(compiler, [...request.flags, ...includes, '-c', request.source, '-o', partial]);
  renameSync(partial, object);
  return object;
}

/** Runs `tasks` with at most `limit` at once; results keep their order. */
export async function inParallel<T>(tasks: (() => Promise<T>)[], limit: number): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < tasks.length; index = next++) results[index] = await tasks[index]!();
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
