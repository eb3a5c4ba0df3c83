/**
 * `/info`, `/version`, `/auth`, `/system/df`: the engine about itself.
 *
 * In: calls. Out: documents. May import: http, config, linux.
 */
import { readdirSync } from 'node:fs';
import { Type } from '@sinclair/typebox';
import type { DaemonConfig } from '../../config/types.js';
import { DaemonError } from '../../errors.js';
import type { EventBus } from '../../events/bus.js';
import type { ApiVersion, Call, Route } from '../../http/route.js';
import { findProgram } from '../../linux/find-program.js';
import { type HostFacts, readHostFacts } from '../../linux/host-facts.js';
import { readToolVersions, type ToolVersions } from '../../linux/tool-versions.js';
import { describeInfo, describeVersion, type EngineCounts } from './system-info.js';

/** What takes space, in the API's own shapes. */
export interface DiskUsage {
  /** Image summaries with SharedSize and Containers. */
  images(version: ApiVersion): Promise<readonly object[]>;
  /** Container summaries with SizeRw and SizeRootFs. */
  containers(version: ApiVersion): Promise<readonly object[]>;
  /** Volumes with UsageData. */
  volumes(): Promise<readonly object[]>;
  buildCache(): Promise<readonly object[]>;
  /** Bytes of all layers. */
  layersSize(): Promise<number>;
}

/** Credentials of `docker login`; never logged, never kept. */
export interface Credentials {
  username?: string;
  password?: string;
  auth?: string;
  email?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

export interface SystemDeps {
  /** The configuration in force: SIGHUP replaces it. */
  config(): DaemonConfig;
  engineId: string;
  events: EventBus;
  counts(): EngineCounts;
  usage: DiskUsage;
  /** Asks the registry; resolves with its token ("" for none). Throws `unauthorized` and others. */
  login(credentials: Credentials, signal: AbortSignal): Promise<string>;
  storageStatus: readonly (readonly [string, string])[];
  runtimes: ReadonlyMap<string, { readonly name: string }>;
  appArmor: boolean;
}

const optionalString = Type.Optional(Type.String());
const credentialsSchema = Type.Object({
  username: optionalString,
  password: optionalString,
  auth: optionalString,
  email: optionalString,
  serveraddress: optionalString,
  identitytoken: optionalString,
  registrytoken: optionalString,
});

/** `type` of `GET /system/df`; since this version a client chooses. */
const usageTypes = ['container', 'image', 'volume', 'build-cache'] as const;
const usageTypesSince = 42;

type UsageType = (typeof usageTypes)[number];

function wantedTypes(call: Call): ReadonlySet<UsageType> {
  const types = call.version < usageTypesSince ? [] : call.query.getAll('type');
  for (const type of types)
    if (!(usageTypes as readonly string[]).includes(type))
      throw new DaemonError('invalid', `unknown object type: ${type}`);
  return new Set(types.length === 0 ? usageTypes : (types as UsageType[]));
}

export function systemRoutes(deps: SystemDeps): Route[] {
  let facts: HostFacts | undefined;
  let tools: Promise<ToolVersions> | undefined;
  const readFacts = (): HostFacts => {
    facts ??= readHostFacts();
    return facts;
  };
  const readTools = (): Promise<ToolVersions> => {
    const config = deps.config();
    const runtime = config.runtimes[config.defaultRuntime]!.path;
    tools ??= readToolVersions(findProgram(runtime) ?? runtime, config.initPath);
    return tools;
  };

  async function info(call: Call): Promise<void> {
    const parts = {
      config: deps.config(),
      facts: readFacts(),
      tools: await readTools(),
      counts: deps.counts(),
      engineId: deps.engineId,
      openDescriptors: readdirSync('/proc/self/fd').length - 1,
      activeResources: process.getActiveResourcesInfo().length,
      eventListeners: deps.events.counts().subscribers,
      storageStatus: deps.storageStatus,
      runtimes: deps.runtimes,
      appArmor: deps.appArmor,
    };
    call.json(200, describeInfo(parts, call.version));
  }

  async function version(call: Call): Promise<void> {
    const { experimental } = deps.config();
    const userAgent = call.headers['user-agent'];
    call.json(
      200,
      describeVersion({ facts: readFacts(), tools: await readTools(), experimental, userAgent }),
    );
  }

  async function auth(call: Call): Promise<void> {
    const token = await deps.login(call.body as Credentials, call.signal);
    call.json(200, { IdentityToken: token, Status: 'Login Succeeded' });
  }

  async function diskUsage(call: Call): Promise<void> {
    const wanted = wantedTypes(call);
    const only = async <T>(type: UsageType, read: () => Promise<T>): Promise<T | undefined> =>
      wanted.has(type) ? read() : undefined;
    const [images, layersSize, containers, volumes, buildCache] = await Promise.all([
      only('image', () => deps.usage.images(call.version)),
      only('image', deps.usage.layersSize),
      only('container', () => deps.usage.containers(call.version)),
      only('volume', deps.usage.volumes),
      only('build-cache', deps.usage.buildCache),
    ]);
    // Types that were not asked for are null, as Go writes nil lists.
    call.json(200, {
      LayersSize: layersSize ?? 0,
      Images: images ?? null,
      Containers: containers ?? null,
      Volumes: volumes ?? null,
      BuildCache: buildCache ?? null,
      ...(call.version < usageTypesSince ? { BuilderSize: 0 } : {}),
    });
  }

  return [
    { method: 'GET', path: '/info', handler: info },
    { method: 'GET', path: '/version', handler: version },
    { method: 'POST', path: '/auth', body: credentialsSchema, handler: auth },
    { method: 'GET', path: '/system/df', since: 25, handler: diskUsage },
    { method: 'OPTIONS', path: '/*path', handler: async (call) => call.empty(200) },
  ];
}
