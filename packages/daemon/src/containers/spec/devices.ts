/**
 * Device nodes of a container and the rules of the devices control group.
 *
 * In: `--device`, `--device-cgroup-rule`, `--privileged`. Out: `linux.devices`, `linux.resources.devices`.
 * May import: errors.
 */
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonError, errnoOf } from '../../errors.js';

export interface DeviceMapping {
  PathOnHost: string;
  PathInContainer: string;
  CgroupPermissions: string;
}

export interface OciDevice {
  path: string;
  type: 'c' | 'b';
  major: number;
  minor: number;
  fileMode: number;
  uid: number;
  gid: number;
}

export interface DeviceRule {
  allow: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access: string;
}

const rule = (
  type: string,
  major: number | undefined,
  minor: number | undefined,
  access = 'rwm',
): DeviceRule => ({
  allow: true,
  type,
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
  access,
});

/** mknod of all, use of the harmless ones (moby, oci/defaults.go). */
const defaultRules: readonly DeviceRule[] = [
  { allow: false, access: 'rwm' },
  rule('c', undefined, undefined, 'm'),
  rule('b', undefined, undefined, 'm'),
  // null, zero, full, random, urandom, tty, console, pts, ptmx
  ...[3, 5, 7, 8, 9].map((minor) => rule('c', 1, minor)),
  rule('c', 5, 0),
  rule('c', 5, 1),
  rule('c', 136, undefined),
  rule('c', 5, 2),
];

const fileTypeMask = 0o170000;
const characterDevice = 0o020000;
const blockDevice = 0o060000;

/** glibc's major() and minor() of sys/sysmacros.h, for numbers below 2^53. */
export const majorOf = (device: number): number =>
  (Math.floor(device / 2 ** 8) & 0xfff) | (Math.floor(device / 2 ** 32) & ~0xfff);
export const minorOf = (device: number): number =>
  (device & 0xff) | (Math.floor(device / 2 ** 12) & ~0xff & 0xffffffff);

/** The node at `path`, or undefined when it is none. */
export function deviceAt(path: string, target: string): OciDevice | undefined {
  const about = statSync(path);
  const format = about.mode & fileTypeMask;
  if (format !== characterDevice && format !== blockDevice) return undefined;
  return {
    path: target,
    type: format === characterDevice ? 'c' : 'b',
    major: majorOf(about.rdev),
    minor: minorOf(about.rdev),
    fileMode: about.mode & 0o7777,
    uid: about.uid,
    gid: about.gid,
  };
}

/** Directories of /dev that are mounts of their own in the container. */
const skipped = new Set(['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console']);

function devicesBelow(directory: string, targetDirectory: string): OciDevice[] {
  const found: OciDevice[] = [];
  let entries: Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return found;
  }
  for (const entry of entries) {
    if (skipped.has(entry.name)) continue;
    const [path, target] = [join(directory, entry.name), join(targetDirectory, entry.name)];
    if (entry.isDirectory()) found.push(...devicesBelow(path, target));
    else if (entry.isCharacterDevice() || entry.isBlockDevice())
      try {
        const device = deviceAt(path, target);
        if (device !== undefined) found.push(device);
      } catch {
        // Removed meanwhile.
      }
  }
  return found;
}

const rulePattern = /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/;

/** `c 1:3 rwm` → rule. */
export function parseDeviceRule(text: string): DeviceRule {
  const match = rulePattern.exec(text);
  if (match === null) throw new DaemonError('invalid', `invalid device cgroup rule format: '${text}'`);
  const number = (part: string) => (part === '*' ? undefined : Number(part));
  return rule(match[1]!, number(match[2]!), number(match[3]!), match[4]);
}

export interface DeviceRequest {
  privileged: boolean;
  devices: readonly DeviceMapping[];
  rules: readonly string[];
}

/** The node that `--device` names, or all below the directory. */
function mappedDevices({ PathOnHost, PathInContainer }: DeviceMapping): OciDevice[] {
  const problem = (text: string) =>
    new DaemonError(
      'system',
      `error gathering device information while adding custom device "${PathOnHost}": ${text}`,
    );
  let mapped: OciDevice[];
  try {
    const single = deviceAt(PathOnHost, PathInContainer || PathOnHost);
    mapped = single === undefined ? devicesBelow(PathOnHost, PathInContainer || PathOnHost) : [single];
  } catch (error) {
    throw problem(errnoOf(error) === 'ENOENT' ? 'no such file or directory' : (error as Error).message);
  }
  if (mapped.length === 0) throw problem('not a device node');
  return mapped;
}

export function devicesOf(request: DeviceRequest): { devices: OciDevice[]; rules: DeviceRule[] } {
  if (request.privileged) {
    const devices = new Map(devicesBelow('/dev', '/dev').map((device) => [device.path, device]));
    for (const device of request.devices.flatMap(mappedDevices)) devices.set(device.path, device);
    return { devices: [...devices.values()], rules: [{ allow: true, access: 'rwm' }] };
  }
  const devices: OciDevice[] = [];
  const rules = [...defaultRules];
  for (const mapping of request.devices) {
    const mapped = mappedDevices(mapping);
    devices.push(...mapped);
    rules.push(
      ...mapped.map(({ type, major, minor }) => rule(type, major, minor, mapping.CgroupPermissions || 'rwm')),
    );
  }
  rules.push(...request.rules.map(parseDeviceRule));
  return { devices, rules };
}
