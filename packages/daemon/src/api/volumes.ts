/**
 * `/volumes`: list, create, inspect, remove, prune; cluster volumes are refused as by a dockerd without a swarm.
 *
 * In: calls. Out: calls into volumes. May import: http, volumes, errors.
 */
import { Type } from '@sinclair/typebox';
import { DaemonError } from '../errors.js';
import type { Call, Filters, Route } from '../http/route.js';
import { booleanFilter, checkFilters, matchesLabels, matchesPattern } from '../protocol/filters.js';
import type { Volume, VolumeCreate, Volumes } from '../volumes/types.js';
import { anonymousLabel } from '../volumes/volumes.js';

/** Since this version prune takes anonymous volumes only, and cluster volumes exist. */
const anonymousPruneSince = 42;

const strings = Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]);
const createSchema = Type.Object({
  Name: Type.Optional(Type.String()),
  Driver: Type.Optional(Type.String()),
  DriverOpts: Type.Optional(strings),
  Labels: Type.Optional(strings),
  ClusterVolumeSpec: Type.Optional(Type.Unknown()),
});

interface CreateBody {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string> | null;
  Labels?: Record<string, string> | null;
  ClusterVolumeSpec?: unknown;
}

const noSwarm = (message: string) => new DaemonError('unavailable', message);
const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

function selects(volume: Volume, filters: Filters): boolean {
  const drivers = filters.get('driver');
  return (
    (!drivers || drivers.length === 0 || drivers.includes(volume.Driver)) &&
    matchesPattern(filters.get('name'), volume.Name) &&
    matchesLabels(volume.Labels, filters.get('label')) &&
    !(filters.get('label!') ?? []).some((label) => matchesLabels(volume.Labels, [label]))
  );
}

function pruneAll(filters: Filters): boolean {
  const all = filters.get('all');
  if (all && all.length > 1)
    throw new DaemonError('invalid', `invalid filter 'all=[${all.join(' ')}]': only one value is expected`);
  return booleanFilter(filters, 'all', false);
}

export function volumeRoutes({ volumes }: { volumes: Volumes }): Route[] {
  let pruning = false;

  async function list(call: Call): Promise<void> {
    const filters = call.filters();
    checkFilters(filters, ['dangling', 'name', 'driver', 'label']);
    const wantsDangling = filters.has('dangling') ? booleanFilter(filters, 'dangling', false) : undefined;
    const found = volumes
      .list()
      .filter((volume) => selects(volume, filters))
      .filter(
        ({ Name }) => wantsDangling === undefined || (volumes.users(Name).length === 0) === wantsDangling,
      );
    call.json(200, { Volumes: found, Warnings: null });
  }

  async function create(call: Call): Promise<void> {
    const body = (call.body ?? {}) as CreateBody;
    if (body.ClusterVolumeSpec != null && call.version >= anonymousPruneSince) throw noSwarm(notManager);
    const request: VolumeCreate = {
      ...(body.Name && { Name: body.Name }),
      ...(body.Driver && { Driver: body.Driver }),
      ...(body.DriverOpts && { DriverOpts: body.DriverOpts }),
      ...(body.Labels && { Labels: body.Labels }),
    };
    call.json(201, await volumes.create(request));
  }

  async function prune(call: Call): Promise<void> {
    const filters = call.filters();
    checkFilters(filters, ['label', 'label!', 'all']);
    const all = call.version < anonymousPruneSince || pruneAll(filters);
    if (pruning) throw new DaemonError('conflict', 'a prune operation is already running');
    pruning = true;
    try {
      const select = (volume: Volume) =>
        (all || Object.hasOwn(volume.Labels ?? {}, anonymousLabel)) && selects(volume, filters);
      call.json(200, await volumes.prune(select));
    } finally {
      pruning = false;
    }
  }

  return [
    { method: 'GET', path: '/volumes', handler: list },
    {
      method: 'GET',
      path: '/volumes/:name',
      handler: async (call) => call.json(200, volumes.get(call.params.name!)),
    },
    { method: 'POST', path: '/volumes/create', body: createSchema, handler: create },
    { method: 'POST', path: '/volumes/prune', since: 25, handler: prune },
    {
      method: 'PUT',
      path: '/volumes/:name',
      since: anonymousPruneSince,
      handler: async () => {
        throw noSwarm('volume update only valid for cluster volumes, but swarm is unavailable');
      },
    },
    {
      method: 'DELETE',
      path: '/volumes/:name',
      handler: async (call) => {
        await volumes.remove(call.params.name!, call.flag('force'));
        call.empty(204);
      },
    },
  ];
}
