/**
 * `docker ps`: which containers, and what of each (API: ContainerSummary).
 *
 * In: records, filters. Out: summaries, newest first. May import: containers, http, errors.
 */
import { humanCommand } from '../../containers/records/command-text.js';
import { statusText } from '../../containers/records/status-text.js';
import type { Container } from '../../containers/types.js';
import { DaemonError } from '../../errors.js';
import type { ApiVersion, Filters } from '../../http/route.js';
import type { PortMap, Sandbox } from '../../networks/types.js';
import { booleanFilter, checkFilters, matchesLabels, matchesPattern } from '../../protocol/filters.js';
import { shownMountPoint } from '../../volumes/mounts.js';
import { networksJson } from './json.js';

const filterNames = [
  ...['ancestor', 'before', 'exited', 'expose', 'health', 'id', 'is-task', 'isolation', 'label', 'name'],
  ...['network', 'publish', 'since', 'status', 'volume'],
];
const statuses = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'];
const healths = ['starting', 'healthy', 'unhealthy', 'none'];

export interface ListQuery {
  all: boolean;
  /** 0: no limit. */
  limit: number;
  filters: Filters;
}

/** What filters ask the other areas. */
export interface ListLookups {
  container(name: string): Container;
  /** IDs of the image and of those built on it; undefined for unknown images. */
  descendants(image: string): ReadonlySet<string> | undefined;
  networkId(name: string): string | undefined;
  sandbox(id: string): Sandbox | undefined;
}

const running = ({ state }: Container) => ['running', 'paused', 'restarting'].includes(state.status);

const oneOf = (wanted: readonly string[] | undefined, value: string): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.includes(value);

/** `80`, `80/udp`, `8000-8010/tcp` → `80/tcp`-style keys. */
export function portKeys(text: string): string[] {
  const match = /^(\d+)(?:-(\d+))?(?:\/(tcp|udp|sctp))?$/.exec(text);
  if (match === null) throw new DaemonError('invalid', `invalid port: '${text}'`);
  const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (to > 65_535 || from > to) throw new DaemonError('invalid', `invalid port: '${text}'`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${match[3] ?? 'tcp'}`);
}

function checkValues(filters: Filters): void {
  checkFilters(filters, filterNames);
  for (const status of filters.get('status') ?? [])
    if (!statuses.includes(status)) throw new DaemonError('invalid', `invalid filter 'status=${status}'`);
  for (const health of filters.get('health') ?? [])
    if (!healths.includes(health)) throw new DaemonError('invalid', `invalid filter 'health=${health}'`);
  for (const code of filters.get('exited') ?? [])
    if (!/^-?\d+$/.test(code)) throw new DaemonError('invalid', `invalid filter 'exited=${code}'`);
}

/** Containers that the query selects, newest first. */
export function selectContainers(
  containers: readonly Container[],
  { all, limit, filters }: ListQuery,
  lookups: ListLookups,
): Container[] {
  checkValues(filters);
  const values = (name: string) => filters.get(name) ?? [];
  const everything = all || limit > 0 || values('status').length > 0;
  const bound = (name: string): string[] => values(name).map((other) => lookups.container(other).created);
  const [before, since] = [bound('before'), bound('since')];
  const published = values('publish').flatMap(portKeys);
  const exposed = values('expose').flatMap(portKeys);
  const ancestors = values('ancestor').map((image) => lookups.descendants(image));
  const exited = values('exited').map(Number);
  const noTask = booleanFilter(filters, 'is-task', false);
  const selected = containers
    .filter((container) => {
      const { state, config, name, id } = container;
      if (!everything && !running(container)) return false;
      if (noTask) return false;
      if (!matchesPattern(values('name'), name, `/${name}`) || !matchesPattern(values('id'), id))
        return false;
      if (!matchesLabels(config.Labels, values('label'))) return false;
      if (!oneOf(values('status'), state.status)) return false;
      if (!oneOf(values('health'), state.health?.Status ?? 'none')) return false;
      if (exited.length > 0)
        if (running(container) || state.startedAt.startsWith('0001') || !exited.includes(state.exitCode))
          return false;
      if (before.some((time) => container.created >= time)) return false;
      if (since.some((time) => container.created <= time)) return false;
      if (ancestors.length > 0 && !ancestors.some((ids) => ids?.has(container.image))) return false;
      if (values('volume').length > 0)
        if (
          !container.mounts.some(({ Name, Source, Destination }) =>
            values('volume').some((wanted) => [Name, Source, Destination].includes(wanted)),
          )
        )
          return false;
      if (values('network').length > 0) {
        const ids = Object.keys(container.endpoints).map((key) => [
          key,
          container.state.networkIds?.[key] ?? lookups.networkId(key) ?? '',
        ]);
        if (
          !values('network').some((wanted) =>
            ids.some(([key, networkId]) => key === wanted || networkId!.startsWith(wanted)),
          )
        )
          return false;
      }
      if (published.length === 0 && exposed.length === 0) return true;
      return portsJson(lookups.sandbox(id)?.ports ?? {}).some(
        ({ PrivatePort, PublicPort, Type }) =>
          published.includes(`${PublicPort}/${Type}`) || exposed.includes(`${PrivatePort}/${Type}`),
      );
    })
    .sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0));
  return limit > 0 ? selected.slice(0, limit) : selected;
}

interface PortJson {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** PORTS of a running container. */
export function portsJson(ports: PortMap): PortJson[] {
  return Object.entries(ports).flatMap(([key, bindings]): PortJson[] => {
    const [port = '', protocol = 'tcp'] = key.split('/');
    const PrivatePort = Number(port);
    if (!bindings?.length) return [{ PrivatePort, Type: protocol }];
    return bindings.map(({ HostIp = '', HostPort = '' }) => ({
      ...(HostIp === '' ? {} : { IP: HostIp }),
      PrivatePort,
      ...(HostPort === '' ? {} : { PublicPort: Number(HostPort) }),
      Type: protocol,
    }));
  });
}

export interface SummaryInput {
  container: Container;
  sandbox: Sandbox | undefined;
  /** Reference it was created from, or the image's ID when that names another image now. */
  imageName: string;
  idOf(name: string): { id: string; name: string } | undefined;
  sizes?: { rw: number; root: number } | undefined;
  /** `<container>/<alias>` of links to it. */
  linkNames: readonly string[];
  version: ApiVersion;
  nowMs: number;
}

export function summaryJson(input: SummaryInput): object {
  const { container, sandbox, version } = input;
  return {
    Id: container.id,
    Names: [container.name, ...input.linkNames].map((name) => `/${name}`).sort(),
    Image: input.imageName,
    ImageID: container.image,
    Command: humanCommand(container.path, container.args),
    Created: Math.floor(Date.parse(container.created) / 1000),
    Ports: portsJson(sandbox?.ports ?? {}),
    ...(input.sizes === undefined ? {} : { SizeRw: input.sizes.rw, SizeRootFs: input.sizes.root }),
    Labels: container.config.Labels ?? {},
    State: container.state.status,
    Status: statusText(container.state, input.nowMs),
    HostConfig: {
      NetworkMode: container.hostConfig.NetworkMode ?? 'default',
      ...(container.hostConfig.Annotations ? { Annotations: container.hostConfig.Annotations } : {}),
    },
    NetworkSettings: { Networks: networksJson(container, sandbox, input.idOf, version) },
    Mounts: container.mounts.map(shownMountPoint),
  };
}
