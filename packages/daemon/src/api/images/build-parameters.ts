/**
 * The parameters of `POST /build`: text of a query into options.
 *
 * In: the query, the API's version. Out: options, or DaemonError `invalid`. May import: http, build/types, images/reference.
 */

import type { TSchema } from '@sinclair/typebox';
import { Type } from '@sinclair/typebox';
import type { BuildOptions } from '../../build/types.js';
import type { HostConfig } from '../../containers/types.js';
import { DaemonError } from '../../errors.js';
import { decode } from '../../http/decode.js';
import type { Call } from '../../http/route.js';
import { parsePlatform } from '../../images/documents/platform.js';
import {
  familiarString,
  fullString,
  parseReference,
  withDefaultTag,
} from '../../images/documents/reference.js';
import type { RegistryAuth } from '../../images/types.js';

/** API versions that brought a parameter. */
const since = { platform: 32, outputs: 40 } as const;

type Parameters = Pick<Call, 'version' | 'query' | 'flag' | 'integer' | 'headers'>;

const invalid = (message: string): DaemonError => new DaemonError('invalid', message);

const textMap = Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]);
const argumentMap = Type.Union([
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Null()])),
  Type.Null(),
]);
const texts = Type.Union([Type.Array(Type.String()), Type.Null()]);
const limits = Type.Union([
  Type.Array(Type.Object({ Name: Type.String(), Soft: Type.Number(), Hard: Type.Number() })),
  Type.Null(),
]);

/** A parameter that is a JSON document; undefined when it is absent, empty or null. */
function document<T>(query: URLSearchParams, name: string, schema: TSchema, problem: string): T | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  try {
    return (decode(schema, JSON.parse(text)) ?? undefined) as T | undefined;
  } catch (error) {
    throw invalid(`${problem}: ${error instanceof Error ? error.message : error}`);
  }
}

/** Tags in their familiar form, each once. */
export function parseTags(tags: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const tag of tags) {
    if (tag === '') continue;
    const reference = withDefaultTag(parseReference(tag));
    if (reference.digest !== undefined) throw invalid('build tag cannot contain a digest');
    found.set(fullString(reference), familiarString(reference));
  }
  return [...found.values()];
}

/** `X-Registry-Config`: base64url of a JSON object of credentials by registry; a wrong one is no credentials. */
export function registryAuths(header: string | readonly string[] | undefined): Record<string, RegistryAuth> {
  if (typeof header !== 'string' || header === '') return {};
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, RegistryAuth>) : {};
  } catch {
    return {};
  }
}

function hostConfig({ query, integer }: Parameters): HostConfig {
  const text = (name: string): string => query.get(name) ?? '';
  const network = text('networkmode');
  const ulimits = document<NonNullable<HostConfig['Ulimits']>>(
    query,
    'ulimits',
    limits,
    'error reading ulimit settings',
  );
  return {
    NetworkMode: network === '' ? 'default' : network,
    ExtraHosts: query.getAll('extrahosts'),
    Memory: integer('memory') ?? 0,
    MemorySwap: integer('memswap') ?? 0,
    CpuShares: integer('cpushares') ?? 0,
    CpuPeriod: integer('cpuperiod') ?? 0,
    CpuQuota: integer('cpuquota') ?? 0,
    CpusetCpus: text('cpusetcpus'),
    CpusetMems: text('cpusetmems'),
    CgroupParent: text('cgroupparent'),
    ShmSize: integer('shmsize') ?? 0,
    ...(ulimits && { Ulimits: ulimits }),
    // The output goes to the client; nobody can ask for it later.
    LogConfig: { Type: 'none' },
  };
}

/** Refuses what only BuildKit can do. */
function refuseBuildKit({ version, query }: Parameters): void {
  const builder = query.get('version') ?? '';
  if (builder === '2')
    throw new DaemonError(
      'notImplemented',
      'BuildKit is not supported by this daemon: set DOCKER_BUILDKIT=0 to use the classic builder',
    );
  if (builder !== '' && builder !== '1') throw invalid(`invalid version ${JSON.stringify(builder)}`);
  if (version < since.outputs) return;
  const outputs = document<unknown[]>(
    query,
    'outputs',
    Type.Union([Type.Array(Type.Unknown()), Type.Null()]),
    'invalid outputs specified',
  );
  if (outputs && outputs.length > 0)
    throw invalid(
      'multiple outputs currently unsupported by the current BuildKit daemon: outputs need BuildKit',
    );
}

export function parseBuildOptions(call: Parameters): BuildOptions {
  const { query, version, flag, headers } = call;
  const text = (name: string): string => query.get(name) ?? '';
  if (query.has('securityopt')) throw invalid('security options are not supported on linux');
  const isolation = text('isolation');
  if (isolation !== '' && isolation !== 'default')
    throw invalid(`unsupported isolation: ${JSON.stringify(isolation)}`);
  refuseBuildKit(call);
  if (flag('squash')) throw invalid('squash is only supported with experimental mode');
  const forceRemove = flag('forcerm');
  const platform = version >= since.platform ? text('platform') : '';
  return {
    dockerfile: text('dockerfile'),
    remote: text('remote'),
    tags: parseTags(query.getAll('t')),
    noCache: flag('nocache'),
    cacheFrom: document<string[]>(query, 'cachefrom', texts, 'error reading cache-from') ?? [],
    pull: flag('pull'),
    remove: forceRemove || text('rm') === '' || flag('rm'),
    forceRemove,
    args:
      document<Record<string, string | null>>(query, 'buildargs', argumentMap, 'error reading build args') ??
      {},
    labels: document<Record<string, string>>(query, 'labels', textMap, 'error reading labels') ?? {},
    target: text('target'),
    platform: platform === '' ? undefined : parsePlatform(platform),
    hostConfig: hostConfig(call),
    auths: registryAuths(headers['x-registry-config']),
  };
}
