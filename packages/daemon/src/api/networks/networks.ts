/**
 * `/networks`: list, inspect, create, connect, disconnect, remove, prune.
 *
 * In: calls. Out: calls into networks and, for connect and disconnect, containers. May import: http, networks, errors.
 */
import { Type } from '@sinclair/typebox';
import { DaemonError } from '../../errors.js';
import { parseTimestamp } from '../../events/select.js';
import type { Call, Filters, Route } from '../../http/route.js';
import { predefinedNetworks } from '../../networks/records/create.js';
import { parseBoolean } from '../../networks/records/options.js';
import type {
  EndpointRequest,
  IpamPoolConfig,
  Network,
  NetworkCreate,
  Networks,
} from '../../networks/types.js';
import { checkFilters, matchesLabels, matchesPattern } from '../../protocol/filters.js';
import { endpointRequestSchema, nullable, strings } from './endpoint-schema.js';

/** Since these versions the fields exist: EnableIPv4 1.48; containers only by inspect 1.28. */
const ipv4FieldSince = 48;
const listWithoutContainersSince = 28;

const createSchema = Type.Object({
  Name: Type.String(),
  CheckDuplicate: Type.Optional(Type.Boolean()),
  Driver: Type.Optional(Type.String()),
  Scope: Type.Optional(Type.String()),
  Internal: Type.Optional(Type.Boolean()),
  Attachable: Type.Optional(Type.Boolean()),
  Ingress: Type.Optional(Type.Boolean()),
  ConfigOnly: Type.Optional(Type.Boolean()),
  ConfigFrom: nullable(Type.Object({ Network: Type.Optional(Type.String()) })),
  EnableIPv4: nullable(Type.Boolean()),
  EnableIPv6: nullable(Type.Boolean()),
  IPAM: nullable(
    Type.Object({
      Driver: Type.Optional(Type.String()),
      Options: strings,
      Config: nullable(
        Type.Array(
          Type.Object({
            Subnet: Type.Optional(Type.String()),
            IPRange: Type.Optional(Type.String()),
            Gateway: Type.Optional(Type.String()),
            AuxiliaryAddresses: strings,
          }),
        ),
      ),
    }),
  ),
  Options: strings,
  Labels: strings,
});

const connectSchema = Type.Object({
  Container: Type.Optional(Type.String()),
  EndpointConfig: nullable(endpointRequestSchema),
});

const disconnectSchema = Type.Object({
  Container: Type.Optional(Type.String()),
  Force: Type.Optional(Type.Boolean()),
});

/** Clients send null for what they do not set; the areas know only absent. */
const withoutNull = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(withoutNull) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === null ? [] : [[key, withoutNull(inner)]])),
  ) as T;
};

const isPredefined = (network: Network): boolean => predefinedNetworks.includes(network.name);

/** As asked for, where the user said a subnet: Docker keeps the gateway it chose to itself then. IPv4 first. */
function shownPools({ ipam, askedPools = [] }: Network): IpamPoolConfig[] {
  const shown = ipam.Config.map((pool) => askedPools.find(({ Subnet }) => Subnet === pool.Subnet) ?? pool);
  const isIPv6 = ({ Subnet = '' }: IpamPoolConfig): number => Number(Subnet.includes(':'));
  return shown.toSorted((one, other) => isIPv6(one) - isIPv6(other));
}

const isOneOf = (text: string, wanted: readonly string[] | undefined): boolean =>
  !wanted || wanted.length === 0 || wanted.includes(text);

function ofType(network: Network, types: readonly string[] | undefined): boolean {
  for (const type of types ?? [])
    if (type !== 'custom' && type !== 'builtin')
      throw new DaemonError('system', `invalid filter: 'type'='${type}'`);
  return isOneOf(isPredefined(network) ? 'builtin' : 'custom', types);
}

/** This filter takes fewer words than other boolean ones. */
function danglingFilter(filters: Filters): boolean | undefined {
  const [value, ...more] = filters.get('dangling') ?? [];
  if (more.length > 0) throw new DaemonError('invalid', 'got more than one value for filter key "dangling"');
  if (value === undefined) return undefined;
  if (['1', 'true'].includes(value)) return true;
  if (['0', 'false'].includes(value)) return false;
  throw new DaemonError(
    'invalid',
    `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
  );
}

export interface NetworkRoutesDeps {
  networks: Networks;
  containers: {
    connect(container: string, network: string, request: EndpointRequest): Promise<unknown>;
    disconnect(container: string, network: string, force: boolean): Promise<void>;
  };
}

export function networkRoutes({ networks, containers }: NetworkRoutesDeps): Route[] {
  let pruning = false;

  const isDangling = (network: Network): boolean =>
    !isPredefined(network) && networks.endpointsOf(network.id).size === 0;

  const containersOf = (network: Network): Record<string, object> =>
    Object.fromEntries(
      [...networks.endpointsOf(network.id)].map(([id, { name, endpoint }]) => [
        id,
        {
          Name: name,
          EndpointID: endpoint.endpointId,
          MacAddress: endpoint.macAddress,
          IPv4Address: endpoint.address && `${endpoint.address}/${endpoint.prefixLength}`,
          IPv6Address: endpoint.address6 && `${endpoint.address6}/${endpoint.prefixLength6}`,
        },
      ]),
    );

  /** API: Network. */
  const describe = (network: Network, version: number, withContainers: boolean): object => ({
    Name: network.name,
    Id: network.id,
    Created: network.created,
    Scope: 'local',
    Driver: network.driver,
    ...(version >= ipv4FieldSince && { EnableIPv4: network.enableIPv4 }),
    EnableIPv6: network.enableIPv6,
    IPAM: { ...network.ipam, Config: shownPools(network) },
    Internal: network.internal,
    Attachable: network.attachable,
    Ingress: false,
    ConfigFrom: { Network: network.configFrom ?? '' },
    ConfigOnly: network.configOnly ?? false,
    Containers: withContainers ? containersOf(network) : {},
    Options: network.options,
    Labels: network.labels,
  });

  function select(filters: Filters): Network[] {
    const dangling = danglingFilter(filters);
    return networks
      .list()
      .filter(
        (network) =>
          isOneOf(network.driver, filters.get('driver')) &&
          matchesPattern(filters.get('id'), network.id) &&
          matchesPattern(filters.get('name'), network.name) &&
          matchesLabels(network.labels, filters.get('label')) &&
          ofType(network, filters.get('type')) &&
          isOneOf('local', filters.get('scope')) &&
          (dangling === undefined || isDangling(network) === dangling),
      );
  }

  async function list(call: Call): Promise<void> {
    const filters = call.filters();
    checkFilters(filters, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
    const withContainers = call.version < listWithoutContainersSince;
    call.json(
      200,
      select(filters).map((network) => describe(network, call.version, withContainers)),
    );
  }

  async function inspect(call: Call): Promise<void> {
    const name = call.params.id!;
    const scope = call.query.get('scope');
    const verbose = call.query.get('verbose');
    if (verbose && parseBoolean(verbose) === undefined)
      throw new DaemonError(
        'invalid',
        `invalid value for verbose: ${verbose}: strconv.ParseBool: parsing ${JSON.stringify(verbose)}: invalid syntax`,
      );
    if (scope && scope !== 'local') throw new DaemonError('notFound', `network ${name} not found`);
    call.json(200, describe(networks.get(name), call.version, true));
  }

  async function create(call: Call): Promise<void> {
    const network = await networks.create(withoutNull(call.body) as NetworkCreate);
    call.json(201, { Id: network.id, Warning: '' });
  }

  async function connect(call: Call): Promise<void> {
    const body = call.body as { Container?: string; EndpointConfig?: EndpointRequest | null };
    await containers.connect(body.Container ?? '', call.params.id!, withoutNull(body.EndpointConfig ?? {}));
    call.empty(200);
  }

  async function disconnect(call: Call): Promise<void> {
    const body = call.body as { Container?: string; Force?: boolean };
    await containers.disconnect(body.Container ?? '', call.params.id!, body.Force ?? false);
    call.empty(200);
  }

  async function prune(call: Call): Promise<void> {
    const filters = call.filters();
    checkFilters(filters, ['label', 'label!', 'until']);
    const [until, ...more] = filters.get('until') ?? [];
    if (more.length > 0) throw new DaemonError('invalid', 'more than one until filter specified');
    const before =
      until === undefined
        ? undefined
        : Number(parseTimestamp(until, BigInt(Date.now()) * 1_000_000n) / 1_000_000n);
    if (pruning) throw new DaemonError('conflict', 'a prune operation is already running');
    pruning = true;
    const deleted: string[] = [];
    try {
      for (const network of networks.list()) {
        if (
          network.configOnly ||
          !isDangling(network) ||
          !matchesLabels(network.labels, filters.get('label'))
        )
          continue;
        if ((filters.get('label!') ?? []).some((label) => matchesLabels(network.labels, [label]))) continue;
        if (before !== undefined && Date.parse(network.created) > before) continue;
        await networks.remove(network.id);
        deleted.push(network.name);
      }
    } finally {
      pruning = false;
    }
    call.json(200, { NetworksDeleted: deleted.length > 0 ? deleted : null });
  }

  return [
    { method: 'GET', path: '/networks', handler: list },
    { method: 'GET', path: '/networks/*id', handler: inspect },
    { method: 'POST', path: '/networks/create', body: createSchema, handler: create },
    { method: 'POST', path: '/networks/prune', since: 25, handler: prune },
    { method: 'POST', path: '/networks/*id/connect', body: connectSchema, handler: connect },
    { method: 'POST', path: '/networks/*id/disconnect', body: disconnectSchema, handler: disconnect },
    {
      method: 'DELETE',
      path: '/networks/*id',
      handler: async (call) => {
        await networks.remove(call.params.id!);
        call.empty(204);
      },
    },
  ];
}
