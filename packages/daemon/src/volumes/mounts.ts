/**
 * The mounts of containers, from request to OCI spec.
 *
 * In: HostConfig's Binds, Mounts, Tmpfs, VolumesFrom and Config.Volumes. Out: mount points at create, mounts of the
 * OCI runtime spec at start. May import: errors, events, layout, log, linux.
 */
import { randomBytes } from 'node:crypto';
import { closeSync } from 'node:fs';
import { lstat, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { mount, mountFlags, unmount, unmountFlags } from '@noos/linux';
import { DaemonError, errnoOf } from '../errors.js';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import { makeDirectory } from '../storage/make-directory.js';
import { mountOf } from './mount-table.js';
import { mergeTmpfsOptions } from './options.js';
import { populate } from './populate.js';
import type { Specification } from './specification.js';
import { checkTmpfs, cleanPath, parseBind, parseMount, parseVolumesFrom } from './specification.js';
import { openBelow, pathBelow } from './tree.js';
import type {
  MountPlanRequest,
  MountPoint,
  Mounts,
  OciMount,
  PreparedMounts,
  ShownMountPoint,
  Volumes,
} from './types.js';

export interface MountsDependencies {
  layout: Pick<Layout, 'dataRoot' | 'runRoot' | 'temporary'>;
  volumes: Volumes;
  events: EventSink;
  log: Logger;
}

/** What inspect shows of a mount point, in Docker's order. */
export const shownMountPoint = (point: MountPoint): ShownMountPoint => ({
  Type: point.Type,
  ...(point.Name !== undefined && { Name: point.Name }),
  Source: point.Source,
  Destination: point.Destination,
  ...(point.Driver !== undefined && { Driver: point.Driver }),
  Mode: point.Mode,
  RW: point.RW,
  Propagation: point.Propagation,
});

const depth = (path: string): number => (path === '/' ? 0 : path.split('/').length);
/** Parents before children, so that none hides another. */
const byDepth = (a: { destination: string }, b: { destination: string }): number =>
  depth(a.destination) - depth(b.destination) || (a.destination < b.destination ? -1 : 1);

export function createMounts({ layout, volumes, events, log }: MountsDependencies): Mounts {
  /** Whether `source` shows the daemon's own mounts; those must not be held by a container (moby 36055). */
  const nearDataRoot = (source: string): boolean =>
    source.startsWith(layout.dataRoot) || layout.dataRoot.startsWith(source);

  function checkNearDataRoot(point: MountPoint): void {
    if (point.Type !== 'bind' || !nearDataRoot(point.Source)) return;
    if (point.propagationOptional) {
      point.Propagation = 'rslave';
      return;
    }
    if (point.Propagation === 'rslave' || point.Propagation === 'rshared') return;
    throw new DaemonError(
      'invalid',
      'invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the ' +
        `daemon root, daemon root: ${JSON.stringify(layout.dataRoot)}, bind mount source: ` +
        `${JSON.stringify(point.Source)}, propagation: ${JSON.stringify(point.Propagation)}`,
    );
  }

  async function plan(request: MountPlanRequest): Promise<MountPoint[]> {
    const points = new Map<string, MountPoint>();
    const asked = new Set<string>();
    const referred = new Set<string>();
    const refer = (name: string) => {
      if (volumes.users(name).includes(request.container)) return;
      volumes.refer(name, request.container);
      referred.add(name);
    };

    /** Makes or finds the volume and completes its mount point. */
    async function withVolume({ point, volume }: Specification): Promise<MountPoint> {
      if (point.Type !== 'volume') return point;
      const had = point.Name !== undefined && volumes.users(point.Name).includes(request.container);
      const made = await volumes.create({
        user: request.container,
        ...(point.Name === undefined ? { madeFor: request.container } : { Name: point.Name }),
        Driver: volume?.driver || (point.Name && isKnown(point.Name) ? 'local' : request.volumeDriver),
        ...(volume?.options && { DriverOpts: volume.options }),
        ...(volume?.labels && { Labels: volume.labels }),
      });
      if (!had) referred.add(made.Name);
      point.Name = made.Name;
      point.Driver = made.Driver;
      point.Source = made.Mountpoint;
      point.Mode ||= 'z';
      return point;
    }

    const isKnown = (name: string) => volumes.list().some((volume) => volume.Name === name);

    async function add(specification: Specification): Promise<void> {
      const { point } = specification;
      checkNearDataRoot(point);
      if (asked.has(point.Destination) || Object.hasOwn(request.tmpfs, point.Destination))
        throw new DaemonError('invalid', `Duplicate mount point: ${point.Destination}`);
      asked.add(point.Destination);
      points.set(point.Destination, await withVolume(specification));
    }

    function addFrom(text: string): void {
      const { container, readOnly } = parseVolumesFrom(text);
      let others: readonly MountPoint[];
      try {
        others = request.mountsOf(container);
      } catch (error) {
        throw error instanceof DaemonError ? new DaemonError('invalid', error.message) : error;
      }
      for (const other of others) {
        points.set(other.Destination, { ...other, Mode: '', RW: other.RW && !readOnly, noCopy: true });
        if (other.Type === 'volume') refer(other.Name!);
      }
    }

    try {
      // Everything that needs no volume is checked before the first is made.
      for (const [destination, options] of Object.entries(request.tmpfs)) checkTmpfs(destination, options);
      const specifications = [
        ...request.binds.map((bind) => parseBind(bind, request.volumeDriver)),
        ...request.mounts.map((one) => parseMount(one)),
      ];
      for (const from of request.volumesFrom) addFrom(from);
      for (const specification of specifications) await add(specification);
      for (const volume of request.volumes) {
        const Destination = cleanPath(volume);
        if (points.has(Destination) || Object.hasOwn(request.tmpfs, Destination)) continue;
        const specification = parseMount({ Type: 'volume', Target: volume });
        const point = await withVolume({ ...specification, volume: { driver: request.volumeDriver } });
        points.set(Destination, { ...point, Mode: '' });
      }
    } catch (error) {
      await abandon(request.container, [...points.values()], referred);
      throw error;
    }
    return [...points.values()];
  }

  /** Undoes a plan; volumes with names stay, as with dockerd. */
  async function abandon(
    container: string,
    points: readonly MountPoint[],
    names: Iterable<string>,
  ): Promise<void> {
    for (const name of names) volumes.unrefer(name, container);
    await removeAnonymous(points);
  }

  async function removeAnonymous(points: readonly MountPoint[]): Promise<void> {
    for (const { Name, anonymous } of points)
      if (Name !== undefined && anonymous && volumes.users(Name).length === 0)
        await volumes
          .remove(Name, true)
          .catch((error: unknown) => log.warn({ volume: Name, error: String(error) }, 'volume not removed'));
  }

  const isPopulated = (point: MountPoint): boolean => point.Type === 'volume' && !point.noCopy;

  async function populateOne(container: string, point: MountPoint, root: string): Promise<void> {
    const source = pathBelow(root, point.Destination);
    if (source === undefined) return;
    if (!(await stat(source)).isDirectory()) {
      const path = join(root, point.Destination);
      if (point.anonymous)
        throw new DaemonError('invalid', `cannot mount volume over existing file, file exists ${path}`);
      // A subpath may be a file, which goes over a file.
      if (point.subpath === undefined) throw new DaemonError('system', `source ${path} is not directory`);
      return;
    }
    const name = point.Name!;
    const data = await volumes.mount(name, container);
    try {
      const target = point.subpath === undefined ? data : pathBelow(data, point.subpath);
      if (target === undefined) return;
      await populate({
        source,
        target,
        temporary: layout.temporary,
        replaceable:
          target === data &&
          !Object.keys(volumes.get(name).Options ?? {}).length &&
          volumes.users(name).every((user) => user === container),
      });
    } finally {
      await volumes.unmount(name, container);
    }
  }

  /** The subpath of a volume as a mount of its own: resolved once, safely, whatever happens to the tree later. */
  async function pinSubpath(container: string, data: string, subpath: string): Promise<string> {
    const directory = join(layout.runRoot, 'subpaths');
    const pin = join(directory, `${container}-${randomBytes(4).toString('hex')}`);
    const fd = openBelow(data, subpath);
    if (fd === undefined)
      throw new DaemonError(
        'invalid',
        `cannot access path ${join(data, subpath)}: no such file or directory`,
      );
    const opened = `/proc/self/fd/${fd}`;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      if ((await stat(opened)).isDirectory()) await mkdir(pin);
      else await (await open(pin, 'wx')).close();
      await mount({ source: opened, target: pin, type: '', flags: mountFlags.bind });
      return pin;
    } catch (error) {
      await rm(pin, { recursive: true, force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  async function unpin(pin: string): Promise<void> {
    try {
      await unmount(pin, unmountFlags.detach);
      await rm(pin, { recursive: (await lstat(pin)).isDirectory() });
    } catch (error) {
      log.warn({ pin, error: String(error) }, 'subpath mount not removed');
    }
  }

  /** Docker makes the missing directories of `--volume` and of `create-mountpoint`. */
  async function makeSource(point: MountPoint): Promise<void> {
    if (!point.createMountpoint) return;
    try {
      await makeDirectory(point.Source, 0o755);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EEXIST' || code === 'ENOTDIR') return;
      throw new DaemonError('system', `error while creating mount source path '${point.Source}': ${error}`);
    }
  }

  async function prepare(
    container: string,
    points: readonly MountPoint[],
    tmpfs: Readonly<Record<string, string>>,
  ): Promise<PreparedMounts> {
    const mounts: OciMount[] = [];
    const pins: string[] = [];
    let rootfsPropagation: PreparedMounts['rootfsPropagation'];

    const addTmpfs = (destination: string, options: string) =>
      mounts.push({ destination, type: 'tmpfs', source: 'tmpfs', options: mergeTmpfsOptions(options) });

    async function addBind(point: MountPoint, source: string): Promise<void> {
      const propagation = await possiblePropagation(point, source);
      if (propagation?.endsWith('shared')) rootfsPropagation = 'shared';
      else if (propagation?.endsWith('slave')) rootfsPropagation ??= 'rslave';
      const readOnly = point.readOnlyNonRecursive ? 'ro' : 'rro';
      mounts.push({
        destination: point.Destination,
        type: 'bind',
        source,
        options: [
          point.nonRecursive ? 'bind' : 'rbind',
          ...(point.RW ? [] : [readOnly]),
          ...(propagation ? [propagation] : []),
        ],
      });
    }

    async function addVolume(point: MountPoint): Promise<void> {
      const data = await volumes.mount(point.Name!, container);
      let source = data;
      if (point.subpath !== undefined) {
        source = await pinSubpath(container, data, point.subpath);
        pins.push(source);
      }
      await addBind(point, source);
      events.publish('volume', 'mount', {
        ID: point.Name!,
        Attributes: {
          container,
          destination: point.Destination,
          driver: point.Driver ?? 'local',
          propagation: point.Propagation,
          'read/write': String(point.RW),
        },
      });
    }

    const made = async () => {
      await Promise.all(pins.splice(0).map(unpin));
    };

    try {
      for (const [destination, options] of Object.entries(tmpfs)) addTmpfs(cleanPath(destination), options);
      for (const point of points) {
        if (Object.hasOwn(tmpfs, point.Destination)) continue;
        if (point.Type === 'tmpfs') addTmpfs(point.Destination, (point.tmpfsOptions ?? []).join(','));
        else if (point.Type === 'volume') await addVolume(point);
        else {
          await makeSource(point);
          await addBind(point, point.Source);
        }
      }
    } catch (error) {
      await made();
      await unmountAll(container, points);
      throw error;
    }
    return { mounts: mounts.sort(byDepth), ...(rootfsPropagation && { rootfsPropagation }), made };
  }

  /** A shared or slave mount needs a source that propagates; runc's own message would not say so. */
  async function possiblePropagation(point: MountPoint, source: string): Promise<string | undefined> {
    const wanted = point.Propagation;
    if (wanted === '') return undefined;
    if (wanted === 'private' || wanted === 'rprivate') return wanted;
    const { mountPoint, shared, slave } = await mountOf(source);
    if (wanted.endsWith('shared')) {
      if (shared) return wanted;
      throw new DaemonError(
        'system',
        `path ${source} is mounted on ${mountPoint} but it is not a shared mount`,
      );
    }
    if (shared || slave) return wanted;
    if (point.propagationOptional) return 'rprivate';
    throw new DaemonError(
      'system',
      `path ${source} is mounted on ${mountPoint} but it is not a shared or slave mount`,
    );
  }

  async function unmountAll(container: string, points: readonly MountPoint[]): Promise<void> {
    for (const { Type, Name } of points)
      if (Type === 'volume')
        await volumes
          .unmount(Name!, container)
          .catch((error: unknown) =>
            log.warn({ volume: Name, error: String(error) }, 'volume not unmounted'),
          );
  }

  return {
    plan,
    needsPopulation: (points) => points.some(isPopulated),
    async populate(container, points, root) {
      for (const point of points) if (isPopulated(point)) await populateOne(container, point, root);
    },
    prepare,
    async release(container, points) {
      await unmountAll(container, points);
      for (const { Type, Name, Driver } of points)
        if (Type === 'volume')
          events.publish('volume', 'unmount', {
            ID: Name!,
            Attributes: { container, driver: Driver ?? 'local' },
          });
    },
    async forget(container, points, anonymous) {
      await unmountAll(container, points);
      for (const { Name } of points) if (Name !== undefined) volumes.unrefer(Name, container);
      if (anonymous) await removeAnonymous(points);
      else for (const point of points) if (point.anonymous) await volumes.keep(point.Name!);
    },
    async restore(known, exists) {
      for (const { id, points, running } of known)
        for (const { Type, Name } of points) {
          if (Type !== 'volume') continue;
          try {
            volumes.refer(Name!, id);
            if (running) await volumes.mount(Name!, id);
          } catch (error) {
            log.warn({ container: id, volume: Name, error: String(error) }, 'volume of a container is gone');
          }
        }
      await volumes.unmountUnused();
      await volumes.removeAbandoned(exists);
    },
  };
}
