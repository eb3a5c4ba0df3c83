/**
 * `/containers`: list, create, inspect, start, stop, restart, kill, pause, unpause, rename, update, wait, delete, prune.
 *
 * In: calls. Out: calls into containers. May import: http, containers, images, networks, errors.
 */
import { join } from 'node:path';
import { containerOf } from '../../containers/configuration/modes.js';
import { logPathOf } from '../../containers/logs/location.js';
import { linkNames, shownLinks } from '../../containers/networking/links.js';
import type {
  Container,
  ContainerConfig,
  ContainerCreate,
  Containers,
  HostConfig,
  WaitCondition,
} from '../../containers/types.js';
import { DaemonError } from '../../errors.js';
import { parseTimestamp } from '../../events/select.js';
import type { EventSink } from '../../events/types.js';
import type { ApiVersion, Call, Route } from '../../http/route.js';
import type { Images, Layers } from '../../images/types.js';
import type { Layout } from '../../layout.js';
import type { Networks } from '../../networks/types.js';
import { checkFilters, matchesLabels } from '../../protocol/filters.js';
import { inspectJson } from './json.js';
import { selectContainers, summaryJson } from './list.js';
import { createSchema, updateSchema } from './schema.js';

export interface ContainerRouteDependencies {
  containers: Containers;
  images: Images;
  layers: Layers;
  networks: Networks;
  events: EventSink;
  layout: Layout;
  /** Exec instances of a container that have not ended. */
  execIds(id: string): readonly string[] | null;
}

type CreateBody = Omit<ContainerConfig, 'Cmd' | 'Entrypoint'> & {
  Cmd?: string[] | string;
  Entrypoint?: string[] | string;
  HostConfig?: Omit<HostConfig, 'CapAdd' | 'CapDrop'> & {
    CapAdd?: string[] | string;
    CapDrop?: string[] | string;
  };
  NetworkingConfig?: { EndpointsConfig?: ContainerCreate['endpoints'] };
};

/** Go's strslice: one string is a list of one. */
const words = (value: string[] | string | undefined): string[] | undefined =>
  typeof value === 'string' ? [value] : value;

/** Since this version a new container may be on several networks. */
const severalNetworksSince: ApiVersion = 44;

function checkNetworks(endpoints: ContainerCreate['endpoints'], version: ApiVersion): void {
  const names = Object.keys(endpoints ?? {});
  if (version < severalNetworksSince && names.length > 1)
    throw new DaemonError(
      'invalid',
      `Container cannot be connected to network endpoints: ${names.join(', ')}`,
    );
}

/** moby, postContainersStart: `{}` and a line end are taken for nothing. */
const emptyBodyBytes = 7;

function checkStart({ headers, query }: Call): void {
  const length =
    headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : Infinity;
  if (length > emptyBodyBytes)
    throw new DaemonError(
      'invalid',
      'starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24',
    );
  if (query.get('checkpoint'))
    throw new DaemonError('invalid', 'checkpoint is only supported in experimental mode');
}

function createRequest(body: CreateBody, call: Call): ContainerCreate {
  const { HostConfig: host = {}, NetworkingConfig: networking, ...own } = body;
  if (Object.keys(own).length === 0)
    throw new DaemonError('invalid', 'config cannot be empty in order to create a container');
  const { Cmd, Entrypoint, ...config } = own;
  checkNetworks(networking?.EndpointsConfig, call.version);
  const name = call.query.get('name') ?? '';
  const platform = call.query.get('platform') ?? '';
  const [cmd, entrypoint, add, drop] = [
    words(Cmd),
    words(Entrypoint),
    words(host.CapAdd),
    words(host.CapDrop),
  ];
  const { CapAdd: _add, CapDrop: _drop, ...hostConfig } = host;
  return {
    config: {
      ...config,
      Image: config.Image ?? '',
      ...(cmd === undefined ? {} : { Cmd: cmd }),
      ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
    },
    hostConfig: {
      ...hostConfig,
      ...(add === undefined ? {} : { CapAdd: add }),
      ...(drop === undefined ? {} : { CapDrop: drop }),
    },
    ...(networking?.EndpointsConfig ? { endpoints: networking.EndpointsConfig } : {}),
    ...(name === '' ? {} : { name }),
    ...(platform === '' ? {} : { platform }),
  };
}

const waitConditions: Record<string, WaitCondition> = {
  '': 'not-running',
  'not-running': 'not-running',
  'next-exit': 'next-exit',
  removed: 'removed',
};
const waitConditionSince: ApiVersion = 30;
const stopSignalSince: ApiVersion = 42;

export interface ContainerApi {
  routes: Route[];
  /** All with their sizes, for `system df`. */
  usage(version: ApiVersion): Promise<object[]>;
}

export function containerApi(dependencies: ContainerRouteDependencies): ContainerApi {
  const { containers, images, layers, networks, events, layout } = dependencies;
  let pruning = false;

  const idOf = (name: string) => {
    const network = networks.list().find((one) => one.name === name || one.id === name);
    return network === undefined ? undefined : { id: network.id, name: network.name };
  };

  async function sizesOf(container: Container): Promise<{ rw: number; root: number }> {
    const rw = await layers.rootSize(container.id);
    return { rw, root: rw + (images.find(container.image)?.size ?? 0) };
  }

  function imageName(container: Container): string {
    const named = container.config.Image;
    return images.find(named)?.id === container.image ? named : container.image;
  }

  async function summary(
    container: Container,
    version: ApiVersion,
    size: boolean,
    links: ReturnType<typeof linkNames>,
  ): Promise<object> {
    return summaryJson({
      linkNames: links.get(container.id) ?? [],
      container,
      sandbox: networks.find(container.id),
      imageName: imageName(container),
      idOf,
      sizes: size ? await sizesOf(container) : undefined,
      version,
      nowMs: Date.now(),
    });
  }

  function summaries(selected: readonly Container[], version: ApiVersion, size: boolean): Promise<object[]> {
    const links = linkNames(containers.list());
    return Promise.all(selected.map((container) => summary(container, version, size, links)));
  }

  /** The image and whatever was built on it. */
  function descendants(name: string): ReadonlySet<string> | undefined {
    const ancestor = images.find(name);
    if (ancestor === undefined) return undefined;
    const found = new Set<string>([ancestor.id]);
    for (let grown = true; grown; ) {
      grown = false;
      for (const { id, parent } of images.list())
        if (parent !== undefined && found.has(parent) && !found.has(id)) {
          found.add(id);
          grown = true;
        }
    }
    return found;
  }

  async function list(call: Call): Promise<void> {
    const selected = selectContainers(
      containers.list(),
      { all: call.flag('all'), limit: call.integer('limit') ?? 0, filters: call.filters() },
      {
        container: (name) => containers.get(name),
        descendants,
        networkId: (name) => idOf(name)?.id,
        sandbox: (id) => networks.find(id),
      },
    );
    const size = call.flag('size');
    call.json(200, await summaries(selected, call.version, size));
  }

  async function create(call: Call): Promise<void> {
    const { id, warnings } = await containers.create(createRequest(call.body as CreateBody, call));
    call.json(201, { Id: id, Warnings: warnings });
  }

  async function inspect(call: Call): Promise<void> {
    const container = containers.get(call.params.id!);
    const directory = join(layout.containers, container.id);
    const other = containerOf(container.hostConfig.NetworkMode);
    call.json(
      200,
      inspectJson({
        container,
        links: shownLinks(container, (id) => containers.list().find((other) => other.id === id)),
        sandbox: networks.find(container.id),
        directory,
        logPath: logPathOf(layout, container.id),
        sharedDirectory: other === undefined ? undefined : join(layout.containers, other),
        graph: layers.rootData(container.id),
        execIds: dependencies.execIds(container.id),
        idOf,
        sizes: call.flag('size') ? await sizesOf(container) : undefined,
        version: call.version,
      }),
    );
  }

  /** Timeout and signal of stop and restart. */
  function stopOptions(call: Call): { signal?: string; timeout?: number } {
    const timeout = call.integer('t');
    const signal = call.version >= stopSignalSince ? (call.query.get('signal') ?? '') : '';
    return { ...(timeout === undefined ? {} : { timeout }), ...(signal === '' ? {} : { signal }) };
  }

  async function wait(call: Call): Promise<void> {
    const wanted = call.version >= waitConditionSince ? (call.query.get('condition') ?? '') : '';
    const condition = waitConditions[wanted];
    if (condition === undefined) throw new DaemonError('invalid', `invalid condition: "${wanted}"`);
    // An unknown container is an error of its own; everything later must find the headers sent.
    containers.get(call.params.id!);
    const result = containers.wait(call.params.id!, condition, call.signal);
    const response = call.stream(200, 'application/json');
    response.flushHeaders();
    try {
      response.end(`${JSON.stringify(await result)}\n`);
    } catch (error) {
      const Message = call.signal.aborted ? 'context canceled' : (error as Error).message;
      response.end(`${JSON.stringify({ StatusCode: -1, Error: { Message } })}\n`);
    }
  }

  async function prune(call: Call): Promise<void> {
    const filters = call.filters();
    checkFilters(filters, ['label', 'label!', 'until']);
    const until = filters.get('until') ?? [];
    if (until.length > 1) throw new DaemonError('invalid', 'more than one until filter specified');
    const untilMs = until[0] === undefined ? undefined : untilTime(until[0]);
    if (pruning) throw new DaemonError('conflict', 'a prune operation is already running');
    pruning = true;
    try {
      const deleted: string[] = [];
      let bytes = 0;
      for (const container of containers.list()) {
        if (['running', 'paused', 'restarting', 'removing'].includes(container.state.status)) continue;
        if (untilMs !== undefined && Date.parse(container.created) >= untilMs) continue;
        const { Labels } = container.config;
        if (!matchesLabels(Labels, filters.get('label'))) continue;
        if ((filters.get('label!') ?? []).some((label) => matchesLabels(Labels, [label]))) continue;
        const size = await layers.rootSize(container.id);
        try {
          await containers.remove(container.id);
        } catch {
          // Started or removed meanwhile.
          continue;
        }
        deleted.push(container.id);
        bytes += size;
      }
      events.publish('container', 'prune', { ID: '', Attributes: { reclaimed: String(bytes) } });
      call.json(200, { ContainersDeleted: deleted.length > 0 ? deleted : null, SpaceReclaimed: bytes });
    } finally {
      pruning = false;
    }
  }

  /** A plain operation on one container. */
  const operation =
    (status: number, run: (id: string, call: Call) => Promise<unknown>): Route['handler'] =>
    async (call) => {
      await run(call.params.id!, call);
      call.empty(status);
    };

  async function kill(id: string, call: Call): Promise<void> {
    try {
      await containers.kill(id, call.query.get('signal') ?? '');
    } catch (error) {
      if (!(error instanceof DaemonError)) throw error;
      throw new DaemonError(error.kind, `cannot kill container: ${id}: ${error.message}`);
    }
  }

  const post = (path: string, handler: Route['handler']): Route => ({ method: 'POST', path, handler });

  return {
    routes: [
      { method: 'GET', path: '/containers/json', handler: list },
      { method: 'POST', path: '/containers/create', body: createSchema, handler: create },
      { method: 'GET', path: '/containers/:id/json', handler: inspect },
      post(
        '/containers/:id/start',
        operation(204, (id, call) => {
          checkStart(call);
          return containers.start(id);
        }),
      ),
      post(
        '/containers/:id/stop',
        operation(204, (id, call) => containers.stop(id, stopOptions(call))),
      ),
      post(
        '/containers/:id/restart',
        operation(204, (id, call) => containers.restart(id, stopOptions(call))),
      ),
      post('/containers/:id/kill', operation(204, kill)),
      post(
        '/containers/:id/pause',
        operation(204, (id) => containers.pause(id)),
      ),
      post(
        '/containers/:id/unpause',
        operation(204, (id) => containers.unpause(id)),
      ),
      post(
        '/containers/:id/rename',
        operation(204, (id, call) => containers.rename(id, call.query.get('name') ?? '')),
      ),
      {
        method: 'POST',
        path: '/containers/:id/update',
        body: updateSchema,
        handler: async (call) =>
          call.json(200, await containers.update(call.params.id!, call.body as Partial<HostConfig>)),
      },
      post('/containers/:id/wait', wait),
      {
        method: 'DELETE',
        path: '/containers/:id',
        handler: operation(204, (id, call) =>
          containers.remove(id, {
            force: call.flag('force'),
            volumes: call.flag('v'),
            link: call.flag('link'),
          }),
        ),
      },
      { method: 'POST', path: '/containers/prune', since: 25, handler: prune },
    ],
    usage: (version) => summaries(containers.list(), version, true),
  };
}

const nanosecondsPerMs = 1_000_000n;

const untilTime = (text: string): number =>
  Number(parseTimestamp(text, BigInt(Date.now()) * nanosecondsPerMs) / nanosecondsPerMs);
