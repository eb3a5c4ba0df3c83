/**
 * The OCI process of an exec: the container's own with what was asked for on top.
 *
 * In: `process` of the container's configuration, a request. Out: `process` for the runtime. May import: spec parts.
 */
import { overlayEnvironment } from '../spec/environment.js';
import type { ProcessUser } from '../spec/users.js';

/** The parts of an OCI process that an exec changes (OCI runtime spec, config.md "process"). */
export interface OciProcess {
  args: string[];
  env: string[];
  cwd: string;
  terminal: boolean;
  user: ProcessUser;
  consoleSize?: { height: number; width: number };
  capabilities?: { bounding?: string[]; effective?: string[]; permitted?: string[] };
  /** The container's, for a privileged exec too. */
  apparmorProfile?: string;
}

export interface ExecProcess {
  command: readonly string[];
  env: readonly string[];
  workingDirectory: string;
  terminal: boolean;
  /** Looked up in the container; absent: the container's own. */
  user?: ProcessUser;
  /** All capabilities there are. */
  capabilities?: readonly string[];
  /** Rows, columns. */
  consoleSize?: readonly [number, number] | undefined;
}

/** Docker's order: the container's environment, TERM of a terminal, then the request's. */
function environment(base: OciProcess, { env, terminal }: ExecProcess): string[] {
  const withoutTerm = base.env.filter((entry) => entry !== 'TERM=xterm');
  return overlayEnvironment([...(terminal ? ['TERM=xterm'] : []), ...withoutTerm], env);
}

export function execProcess(base: OciProcess, request: ExecProcess): OciProcess {
  const user = request.user ?? base.user;
  const bounding = [...(request.capabilities ?? base.capabilities?.bounding ?? [])];
  const held = user.uid === 0 ? bounding : [];
  const { consoleSize: _containersOwn, ...rest } = base;
  const size = request.terminal ? request.consoleSize : undefined;
  return {
    ...rest,
    args: [...request.command],
    env: environment(base, request),
    cwd: request.workingDirectory || '/',
    terminal: request.terminal,
    user,
    ...(size?.[0] ? { consoleSize: { height: size[0], width: size[1] } } : {}),
    capabilities: { bounding, effective: held, permitted: held },
  };
}
