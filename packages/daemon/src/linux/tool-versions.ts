/**
 * Versions of the programs the engine drives: runc, conmon, the init.
 *
 * In: their --version. Out: versions and commits; empty when a program is absent. May import: run.
 */
import { run } from './run.js';

export interface ToolVersion {
  version: string;
  commit: string;
}

export interface ToolVersions {
  runtime: ToolVersion;
  monitor: ToolVersion;
  init: ToolVersion;
}

/** `runc version 1.1.5`, `commit: …`; `tini version 0.19.0 - git.de40ad0`. */
export function parseToolVersion(text: string): ToolVersion {
  const version = /version (\S+)/.exec(text)?.[1] ?? '';
  const commit = /commit: (\S+)/.exec(text)?.[1] ?? /git\.(\S+)/.exec(text)?.[1] ?? '';
  return { version, commit: commit === 'unknown' ? '' : commit };
}

async function ask(program: string): Promise<ToolVersion> {
  try {
    return parseToolVersion(await run([program, '--version']));
  } catch {
    return { version: '', commit: '' };
  }
}

/** Asks each program once. */
export async function readToolVersions(runtimePath: string, initPath: string): Promise<ToolVersions> {
  const [runtime, monitor, init] = await Promise.all([ask(runtimePath), ask('conmon'), ask(initPath)]);
  return { runtime, monitor, init };
}
