/**
 * Volumes of the local driver: `volumes/<name>/_data` and `volumes/<name>/volume.json`, as dockerd lays them out.
 *
 * In: requests. Out: directories, records, mounts counted by container. A volume appears and goes by one rename.
 * May import: errors, events, layout, log, storage, linux.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { mount, mountFlags, unmount, unmountFlags } from '@noos/linux';
import { DaemonError, errnoOf, systemErrorText } from '../errors.js';
import type { EventSink } from '../events/types.js';
import type { Layout } from '../layout.js';
import type { Logger } from '../log.js';
import { readJson, syncDirectory } from '../storage/atomic-file.js';
import { crashPoint } from '../storage/crash-point.js';
import { bytesBelow } from './bytes.js';
import { readMountTable } from './mount-table.js';
import { checkVolumeName, checkVolumeOptions, mountOption, parseMountOptions } from './options.js';
import type { Volume, VolumeCreate, Volumes } from './types.js';

export interface VolumesDependencies {
  layout: Pick<Layout, 'volumes' | 'temporary'>;
  events: EventSink;
  log: Logger;
}

/** Label of volumes that were made without a name. */
export const anonymousLabel = 'com.docker.volume.anonymous';

/** What is kept of a volume; its mount point follows from its name. */
type VolumeRecord = Pick<Volume, 'Name' | 'CreatedAt' | 'Labels' | 'Options'>;

interface Entry {
  volume: Volume;
  users: Set<string>;
  mountedBy: Set<string>;
  mounted: boolean;
  madeFor?: string;
}

/** Names the container that a volume was made for, as long as the volume is nothing without it. */
const madeForFile = 'made-for';

/** RFC 3339, whole seconds, as dockerd prints it. */
const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

const needsMount = (volume: Volume): boolean =>
  Boolean(volume.Options && (volume.Options.device || volume.Options.type));

export async function createVolumes({ layout, events, log }: VolumesDependencies): Promise<Volumes> {
  const entries = new Map<string, Entry>();
  /** The end of the last operation on each volume: operations on one volume happen one after the other. */
  const turns = new Map<string, Promise<unknown>>();

  const inTurn = <T>(name: string, act: () => Promise<T>): Promise<T> => {
    const turn = (turns.get(name) ?? Promise.resolve()).then(act, act);
    turns.set(name, turn);
    const forget = () => {
      if (turns.get(name) === turn) turns.delete(name);
    };
    turn.then(forget, forget);
    return turn;
  };

  const directoryOf = (name: string) => join(layout.volumes, name);
  const dataOf = (name: string) => join(layout.volumes, name, '_data');

  const toVolume = (record: VolumeRecord): Volume => ({
    CreatedAt: record.CreatedAt,
    Driver: 'local',
    Labels: record.Labels,
    Mountpoint: dataOf(record.Name),
    Name: record.Name,
    Options: record.Options,
    Scope: 'local',
  });

  async function load(): Promise<void> {
    await mkdir(layout.volumes, { recursive: true, mode: 0o701 });
    const mounted = new Set((await readMountTable()).map((entry) => entry.mountPoint));
    for (const name of await readdir(layout.volumes)) {
      let record: VolumeRecord | undefined;
      try {
        record = await readJson<VolumeRecord>(join(directoryOf(name), 'volume.json'));
      } catch (error) {
        log.warn({ volume: name, error: String(error) }, 'unreadable volume record');
      }
      // Data without a record is data all the same: dockerd takes such a directory for a volume.
      const data = await stat(dataOf(name)).catch(() => undefined);
      if (!data) continue;
      const volume = toVolume(
        record ?? { Name: name, CreatedAt: data.ctime.toISOString(), Labels: null, Options: null },
      );
      const madeFor = await readFile(join(directoryOf(name), madeForFile), 'utf8').catch(() => undefined);
      entries.set(name, {
        volume,
        users: new Set(),
        mountedBy: new Set(),
        mounted: mounted.has(volume.Mountpoint),
        ...(madeFor && { madeFor }),
      });
    }
  }

  function entryOf(name: string, operation = 'get'): Entry {
    const entry = entries.get(name);
    if (!entry) throw new DaemonError('notFound', `${operation} ${name}: no such volume`);
    return entry;
  }

  async function make(record: VolumeRecord, madeFor: string | undefined): Promise<void> {
    const draft = join(layout.temporary, `volume-${randomBytes(8).toString('hex')}`);
    try {
      await mkdir(layout.temporary, { recursive: true, mode: 0o700 });
      await mkdir(draft, { mode: 0o701 });
      await mkdir(join(draft, '_data'));
      await chmod(join(draft, '_data'), 0o755);
      if (madeFor !== undefined) await writeFile(join(draft, madeForFile), madeFor);
      const file = await open(join(draft, 'volume.json'), 'wx', 0o600);
      try {
        await file.writeFile(JSON.stringify(record));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, directoryOf(record.Name));
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
    crashPoint('volume:after-rename');
    await syncDirectory(layout.volumes);
  }

  function create(request: VolumeCreate): Promise<Volume> {
    const anonymous = !request.Name;
    const name = request.Name || randomBytes(32).toString('hex');
    const driver = request.Driver || 'local';
    return inTurn(name, async () => {
      if (driver !== 'local') {
        if (entries.has(name))
          throw new DaemonError(
            'conflict',
            `create ${name}: driver 'local' already has volume '${name}': volume name must be unique`,
          );
        throw new DaemonError(
          'notFound',
          `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
        );
      }
      const users = request.user === undefined ? [] : [request.user];
      const existing = entries.get(name);
      if (existing) {
        for (const user of users) existing.users.add(user);
        return existing.volume;
      }
      checkVolumeName(name);
      checkVolumeOptions(name, request.DriverOpts ?? {});
      const record: VolumeRecord = {
        Name: name,
        CreatedAt: now(),
        Labels: anonymous ? { ...request.Labels, [anonymousLabel]: '' } : (request.Labels ?? null),
        Options: request.DriverOpts ?? null,
      };
      const { madeFor } = request;
      await make(record, madeFor);
      const volume = toVolume(record);
      entries.set(name, {
        volume,
        users: new Set(users),
        mountedBy: new Set(),
        mounted: false,
        ...(madeFor === undefined ? {} : { madeFor }),
      });
      events.publish('volume', 'create', { ID: name, Attributes: { driver: 'local' } });
      return volume;
    });
  }

  async function unmountData(entry: Entry): Promise<void> {
    try {
      await unmount(entry.volume.Mountpoint, unmountFlags.noFollow);
    } catch (error) {
      // EINVAL: nothing is mounted there.
      if (errnoOf(error) !== 'EINVAL') throw error;
    }
    entry.mounted = false;
  }

  function remove(name: string, force: boolean): Promise<void> {
    return inTurn(name, async () => {
      if (!entries.has(name) && force) return;
      const entry = entryOf(name);
      const checkUnused = () => {
        if (entry.users.size > 0)
          throw new DaemonError(
            'conflict',
            `remove ${name}: volume is in use - [${[...entry.users].join(', ')}]`,
          );
      };
      checkUnused();
      if (entry.mountedBy.size > 0)
        throw new DaemonError('system', `remove ${name}: volume has active mounts`);
      if (entry.mounted) await unmountData(entry);
      const condemned = join(layout.temporary, `volume-${randomBytes(8).toString('hex')}`);
      await mkdir(layout.temporary, { recursive: true, mode: 0o700 });
      checkUnused();
      // At once: nobody can use what is going.
      entries.delete(name);
      try {
        await rename(directoryOf(name), condemned);
      } catch (error) {
        entries.set(name, entry);
        throw error;
      }
      crashPoint('volume:removed');
      await syncDirectory(layout.volumes);
      await rm(condemned, { recursive: true, force: true });
      events.publish('volume', 'destroy', { ID: name, Attributes: { driver: 'local' } });
    });
  }

  async function mountData(entry: Entry): Promise<void> {
    const { type = '', device = '', o = '' } = entry.volume.Options ?? {};
    const target = entry.volume.Mountpoint;
    const failed = (reason: string) =>
      new DaemonError('system', `error while mounting volume '${target}': ${withoutPassword(reason)}`);
    const options = await withAddress(type, o).catch((error: unknown) => {
      throw failed(`error resolving passed in network volume address: ${(error as Error).message}`);
    });
    const { flags, data } = parseMountOptions(options);
    const bind = (flags & mountFlags.bind) !== 0;
    try {
      await mount({ source: device, target, type: bind || type === 'none' ? '' : type, flags, data });
      // A bind mount takes flags such as read-only from a second call only (mount(2), "Remounting").
      if (bind && flags & mountFlags.readOnly)
        await mount({ source: '', target, type: '', flags: flags | mountFlags.remount });
    } catch (error) {
      await unmount(target, unmountFlags.detach).catch(() => {});
      const details = [
        `mount ${device}:${target}`,
        ...(flags ? [`flags: 0x${flags.toString(16)}`] : []),
        ...(data ? [`data: ${data}`] : []),
      ];
      throw failed(`failed to mount local volume: ${details.join(', ')}: ${systemErrorText(error)}`);
    }
    entry.mounted = true;
  }

  await load();

  return {
    create,
    get: (name) => entryOf(name).volume,
    list: () => [...entries.values()].map((entry) => entry.volume),
    remove,
    users: (name) => [...(entries.get(name)?.users ?? [])],
    refer: (name, container) => {
      entryOf(name).users.add(container);
    },
    unrefer: (name, container) => {
      entries.get(name)?.users.delete(container);
    },
    mount: (name, container) =>
      inTurn(name, async () => {
        const entry = entryOf(name);
        if (needsMount(entry.volume)) {
          if (!entry.mounted) await mountData(entry);
          entry.mountedBy.add(container);
        }
        return entry.volume.Mountpoint;
      }),
    unmount: (name, container) =>
      inTurn(name, async () => {
        const entry = entries.get(name);
        if (!entry?.mountedBy.delete(container) || entry.mountedBy.size > 0) return;
        if (entry.mounted) await unmountData(entry);
      }),
    size: (name) => bytesBelow(entryOf(name).volume.Mountpoint),
    async prune(select) {
      const report = { VolumesDeleted: [] as string[], SpaceReclaimed: 0 };
      for (const { volume, users } of [...entries.values()]) {
        if (users.size > 0 || Object.keys(volume.Options ?? {}).length > 0 || !select(volume)) continue;
        const bytes = await bytesBelow(volume.Mountpoint);
        try {
          await remove(volume.Name, false);
        } catch (error) {
          log.warn({ volume: volume.Name, error: String(error) }, 'volume not pruned');
          continue;
        }
        report.VolumesDeleted.push(volume.Name);
        report.SpaceReclaimed += bytes;
      }
      events.publish('volume', 'prune', { ID: '', Attributes: { reclaimed: `${report.SpaceReclaimed}` } });
      return report;
    },
    async usage() {
      const local = [...entries.values()].filter(
        ({ volume }) => Object.keys(volume.Options ?? {}).length === 0,
      );
      const volumes: Volume[] = [];
      for (const { volume, users } of local)
        volumes.push({
          ...volume,
          UsageData: {
            RefCount: users.size,
            Size: await bytesBelow(volume.Mountpoint).catch(() => -1),
          },
        });
      return volumes;
    },
    keep: (name) =>
      inTurn(name, async () => {
        const entry = entries.get(name);
        if (entry?.madeFor === undefined) return;
        // Durable before the container's record goes: afterwards the volume would seem abandoned.
        await rm(join(directoryOf(name), madeForFile), { force: true });
        await syncDirectory(directoryOf(name));
        delete entry.madeFor;
      }),
    async removeAbandoned(exists) {
      for (const { volume, users, madeFor } of [...entries.values()])
        if (madeFor !== undefined && users.size === 0 && !exists(madeFor)) {
          log.info({ volume: volume.Name }, 'removing a volume whose container was never created');
          await remove(volume.Name, true).catch((error: unknown) =>
            log.warn({ volume: volume.Name, error: String(error) }, 'volume not removed'),
          );
        }
    },
    async unmountUnused() {
      for (const entry of entries.values())
        if (entry.mounted && entry.mountedBy.size === 0)
          await inTurn(entry.volume.Name, () => unmountData(entry)).catch((error: unknown) =>
            log.warn({ volume: entry.volume.Name, error: String(error) }, 'volume still mounted'),
          );
    },
  };
}

/** mount(2) of nfs and cifs wants `addr=` as an address: mount(8) would have resolved the name. */
async function withAddress(type: string, options: string): Promise<string> {
  const host = mountOption(options, 'addr');
  if (!['nfs', 'nfs4', 'cifs'].includes(type) || !host || isIP(host) > 0) return options;
  try {
    const { address } = await lookup(host);
    return options.replace(`addr=${host}`, `addr=${address}`);
  } catch (error) {
    const reason = errnoOf(error) === 'ENOTFOUND' ? 'no such host' : systemErrorText(error);
    throw new Error(`lookup ${host}: ${reason}`, { cause: error });
  }
}

const withoutPassword = (text: string): string => text.replace(/password=[^, ]*/g, 'password=********');
