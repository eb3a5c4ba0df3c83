/**
 * Docker's three notations for mounts: `--volume` strings, `--mount` objects, `--volumes-from` strings.
 *
 * In: one entry of HostConfig. Out: a MountPoint without its volume. Pure but for the existence of bind sources.
 * May import: errors, types.
 */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { DaemonError } from '../errors.js';
import { mergeTmpfsOptions } from './options.js';
import type { MountPoint, MountRequest } from './types.js';

/** A mount point, and for volumes how to make them. */
export interface Specification {
  point: MountPoint;
  volume?: { driver: string; options?: Record<string, string>; labels?: Record<string, string> };
}

const propagationModes = new Set(['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared']);
const defaultPropagation = 'rprivate';

/** Kinds of words in a mode such as `ro,z`; of each kind one may be given. */
const modeKinds: readonly ReadonlySet<string>[] = [
  new Set(['rw', 'ro']),
  new Set(['z', 'Z']),
  propagationModes,
  new Set(['nocopy']),
  new Set(['consistent', 'cached', 'delegated', 'default']),
];

function isMode(mode: string): boolean {
  if (mode === '') return true;
  const counts = modeKinds.map(() => 0);
  for (const word of mode.split(',')) {
    const kind = modeKinds.findIndex((words) => words.has(word));
    if (kind < 0 || ++counts[kind]! > 1) return false;
  }
  return true;
}

const propagationIn = (mode: string): string | undefined =>
  mode.split(',').find((word) => propagationModes.has(word));

const invalid = (message: string) => new DaemonError('invalid', message);

/** filepath.IsLocal of Go: stays below where it starts, without looking at the disk. */
const isLocal = (path: string): boolean => {
  if (path === '' || path.startsWith('/')) return false;
  const clean = posix.normalize(path);
  return clean !== '..' && !clean.startsWith('../');
};

const optionsOfType = {
  bind: 'BindOptions',
  volume: 'VolumeOptions',
  tmpfs: 'TmpfsOptions',
} as const;

/** Checks as dockerd does at create; throws `invalid mount config for type "…": …`. */
export function parseMount(mount: MountRequest, sourceMustExist = true): Specification {
  const refuse = (message: string) =>
    invalid(`invalid mount config for type ${JSON.stringify(mount.Type ?? '')}: ${message}`);
  for (const [type, field] of Object.entries(optionsOfType))
    if (type !== mount.Type && mount[field as keyof MountRequest] != null)
      throw refuse(`field ${field} must not be specified`);
  if (!mount.Target) throw refuse('field Target must not be empty');
  checkTarget(mount.Target, refuse);
  const point: MountPoint = {
    Type: 'bind',
    Source: '',
    Destination: cleanPath(mount.Target),
    Mode: '',
    RW: !mount.ReadOnly,
    Propagation: '',
  };
  if (mount.Type === 'bind') return { point: bindPoint(point, mount, sourceMustExist, refuse) };
  if (mount.Type === 'tmpfs') return { point: tmpfsPoint(point, mount, refuse) };
  if (mount.Type !== 'volume') throw refuse('mount type unknown');

  const options = mount.VolumeOptions ?? undefined;
  const subpath = options?.Subpath;
  if (subpath) {
    if (!mount.Source) throw refuse('must not set Subpath when using anonymous volumes');
    if (!isLocal(subpath)) throw refuse('subpath must be a relative path within the volume');
    point.subpath = subpath;
  }
  point.Type = 'volume';
  if (mount.Source) point.Name = mount.Source;
  else point.anonymous = true;
  if (options?.NoCopy) point.noCopy = true;
  return {
    point,
    volume: {
      driver: options?.DriverConfig?.Name ?? '',
      ...(options?.DriverConfig?.Options && { options: options.DriverConfig.Options }),
      ...(options?.Labels && { labels: options.Labels }),
    },
  };
}

type Refuse = (message: string) => DaemonError;

function checkTarget(target: string, refuse: Refuse): void {
  if (posix.normalize(`${target}/`) === '/') throw refuse(`invalid specification: destination can't be '/'`);
  if (!target.startsWith('/')) throw refuse(`invalid mount path: '${target}' mount path must be absolute`);
}

/** Clean, without a slash at the end. */
export const cleanPath = (path: string): string => {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
};

function bindPoint(
  point: MountPoint,
  mount: MountRequest,
  sourceMustExist: boolean,
  refuse: Refuse,
): MountPoint {
  const source = mount.Source;
  if (!source) throw refuse('field Source must not be empty');
  const options = mount.BindOptions ?? {};
  if (options.Propagation && !propagationModes.has(options.Propagation))
    throw refuse(`invalid propagation mode: ${options.Propagation}`);
  if (!source.startsWith('/')) throw refuse(`invalid mount path: '${source}' mount path must be absolute`);
  if (sourceMustExist && !options.CreateMountpoint && !existsSync(source))
    throw refuse(`bind source path does not exist: ${source}`);
  const conflict = (names: string) => invalid(`mount options conflict: ${names}`);
  if (!mount.ReadOnly && options.ReadOnlyNonRecursive)
    throw conflict('!ReadOnly && BindOptions.ReadOnlyNonRecursive');
  if (!mount.ReadOnly && options.ReadOnlyForceRecursive)
    throw conflict('!ReadOnly && BindOptions.ReadOnlyForceRecursive');
  if (options.ReadOnlyNonRecursive && options.ReadOnlyForceRecursive)
    throw conflict('ReadOnlyNonRecursive && BindOptions.ReadOnlyForceRecursive');
  point.Source = cleanPath(source);
  point.Propagation = options.Propagation || defaultPropagation;
  if (!options.Propagation) point.propagationOptional = true;
  if (options.NonRecursive) point.nonRecursive = true;
  if (options.ReadOnlyNonRecursive) point.readOnlyNonRecursive = true;
  if (options.ReadOnlyForceRecursive) point.readOnlyForceRecursive = true;
  if (options.CreateMountpoint) point.createMountpoint = true;
  return point;
}

const tmpfsFlags = new Set(['exec', 'noexec']);
const sizeSuffixes = [
  ['g', 2 ** 30],
  ['m', 2 ** 20],
  ['k', 2 ** 10],
] as const;

function tmpfsPoint(point: MountPoint, mount: MountRequest, refuse: Refuse): MountPoint {
  if (mount.Source) throw refuse('field Source must not be specified');
  const { SizeBytes: size, Mode: mode, Options: flags } = mount.TmpfsOptions ?? {};
  const options = mount.ReadOnly ? ['ro'] : [];
  if (mode) options.push(`mode=${mode.toString(8)}`);
  if (size) {
    const [suffix, divisor] = sizeSuffixes.find(([, bytes]) => size % bytes === 0) ?? ['', 1];
    options.push(`size=${size / divisor}${suffix}`);
  }
  for (const flag of flags ?? []) {
    if (flag.length < 1 || flag.length > 2) throw refuse('invalid option array length');
    if (!tmpfsFlags.has(flag[0]!)) throw refuse(`invalid option: ${flag[0]}`);
    options.push(flag.join('='));
  }
  point.Type = 'tmpfs';
  point.tmpfsOptions = options;
  return point;
}

/** `[source:]destination[:mode]` of `--volume`. */
export function parseBind(text: string, volumeDriver: string): Specification {
  const parts = text.split(':');
  const refused = invalid(`invalid volume specification: '${text}'`);
  const [first = '', second, mode = ''] = parts;
  if (first === '' || parts.length > 3 || (parts.length === 2 && isMode(second!))) throw refused;
  const source = second === undefined ? '' : first;
  if (!isMode(mode)) throw invalid(`invalid mode: ${mode}`);
  const isBind = source.startsWith('/');
  const words = mode.split(',');
  const propagation = propagationIn(mode);
  const request: MountRequest = {
    Type: isBind ? 'bind' : 'volume',
    Source: source,
    Target: second ?? first,
    ReadOnly: words.includes('ro'),
    ...(propagation && { BindOptions: { Propagation: propagation } }),
    ...((volumeDriver && !isBind) || words.includes('nocopy')
      ? {
          VolumeOptions: {
            NoCopy: words.includes('nocopy'),
            ...(volumeDriver && !isBind && { DriverConfig: { Name: volumeDriver } }),
          },
        }
      : {}),
  };
  try {
    const parsed = parseMount(request, false);
    parsed.point.Mode = mode;
    // Docker makes missing directories of --volume, for ever.
    if (isBind) parsed.point.createMountpoint = true;
    return parsed;
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw invalid(`${refused.message}: ${error.message}`);
  }
}

/** `container[:mode]` of `--volumes-from`. */
export function parseVolumesFrom(text: string): { container: string; readOnly: boolean } {
  if (text === '') throw invalid('volumes-from specification cannot be an empty string');
  const colon = text.indexOf(':');
  const container = colon < 0 ? text : text.slice(0, colon);
  const mode = colon < 0 ? '' : text.slice(colon + 1);
  const words = mode.split(',');
  if (!isMode(mode) || propagationIn(mode) || words.includes('nocopy'))
    throw invalid(`invalid mode: ${mode}`);
  return { container, readOnly: words.includes('ro') };
}

/** Checks one entry of HostConfig.Tmpfs. */
export function checkTmpfs(destination: string, options: string): void {
  checkTarget(destination, (message) => invalid(message));
  mergeTmpfsOptions(options);
}
