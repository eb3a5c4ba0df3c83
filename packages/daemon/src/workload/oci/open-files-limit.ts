/**
 * The limit of open files of an exec's process, which runc 1.1 loses now and then (see limit-keeper.c), with dockerd too.
 *
 * In: an OCI process, the runtime. Out: the command that runs the runtime for it. May import: linux.
 */
import { limitKeeperPath } from '@noos/linux';
import type { OciProgram } from './runc.js';

interface Limit {
  type: string;
  soft: number;
  hard: number;
}

/** The limit that can be lost: a soft one below the hard one. */
function lowerLimit(process: object): Limit | undefined {
  const { rlimits = [] } = process as { rlimits?: Limit[] };
  return rlimits.find(({ type, soft, hard }) => type === 'RLIMIT_NOFILE' && soft < hard);
}

/** The runtime's command, without its arguments: with the keeper before it where a limit can be lost. */
export function keepingOpenFilesLimit(
  process: object,
  { path, isCrun }: Pick<OciProgram, 'path' | 'isCrun'>,
): [program: string, ...rest: string[]] {
  const limit = isCrun ? undefined : lowerLimit(process);
  return limit === undefined ? [path] : [limitKeeperPath, String(limit.soft), String(limit.hard), path];
}
