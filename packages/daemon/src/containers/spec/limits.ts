/**
 * `--ulimit` as POSIX rlimits (getrlimit(2)).
 *
 * In: the request, the daemon's own limits. Out: rlimits the daemon may give. May import: errors.
 */
import { DaemonError } from '../../errors.js';

/** Docker's names and the line of /proc/<pid>/limits that tells ours. */
const limitLines: Record<string, string> = {
  as: 'Max address space',
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

export interface Ulimit {
  Name: string;
  Soft: number;
  Hard: number;
}

export interface Rlimit {
  type: string;
  soft: RlimitValue;
  hard: RlimitValue;
}

/** RLIM_INFINITY (2^64 - 1) is no JavaScript number: whoever writes the OCI document puts it in. */
export type RlimitValue = number | 'unlimited';

/** In Docker's ulimits. */
const unlimited = -1;

/** Hard limits by Docker's name (`nofile` → 1048576), Infinity for unlimited. */
export function parseLimits(text: string): ReadonlyMap<string, number> {
  const result = new Map<string, number>();
  for (const [name, label] of Object.entries(limitLines)) {
    const line = text.split('\n').find((candidate) => candidate.startsWith(label));
    const hard = line?.slice(label.length).trim().split(/\s+/)[1];
    if (hard !== undefined) result.set(name, hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard));
  }
  return result;
}

export function checkUlimits(ulimits: readonly Ulimit[]): void {
  for (const { Name, Soft, Hard } of ulimits) {
    if (limitLines[Name] === undefined) throw new DaemonError('invalid', `invalid ulimit type: ${Name}`);
    if (Hard !== unlimited && (Soft > Hard || Soft === unlimited))
      throw new DaemonError(
        'invalid',
        `ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`,
      );
  }
}

const value = (limit: number): RlimitValue => (limit === Number.POSITIVE_INFINITY ? 'unlimited' : limit);

/**
 * The rlimits to set, lowered to what the daemon may raise to (`mayRaise`: CAP_SYS_RESOURCE), and warnings for those
 * that were.
 */
export function rlimitsOf(
  ulimits: readonly Ulimit[],
  own: ReadonlyMap<string, number>,
  mayRaise: boolean,
): { rlimits: Rlimit[]; warnings: string[] } {
  const warnings: string[] = [];
  const rlimits: Rlimit[] = [];
  for (const { Name, Soft, Hard } of ulimits) {
    const bound = mayRaise ? Number.POSITIVE_INFINITY : (own.get(Name) ?? Number.POSITIVE_INFINITY);
    const lower = (limit: number) => Math.min(limit === unlimited ? Number.POSITIVE_INFINITY : limit, bound);
    const [soft, hard] = [lower(Soft), lower(Hard)];
    if (hard < (Hard === unlimited ? Number.POSITIVE_INFINITY : Hard))
      warnings.push(`ulimit ${Name} lowered to ${hard}: the daemon may not raise its own hard limit`);
    rlimits.push({ type: `RLIMIT_${Name.toUpperCase()}`, soft: value(soft), hard: value(hard) });
  }
  return { rlimits, warnings };
}
