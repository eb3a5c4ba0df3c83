/**
 * Modes of namespaces: `host`, `private`, `shareable`, `none`, `container:<name>`.
 *
 * In: HostConfig. Out: which namespaces a container has. May import: container types, errors, spec.
 */
import { DaemonError } from '../../errors.js';
import type { NamespacePlan } from '../spec/spec.js';
import type { Container, HostConfig } from '../types.js';

/** `container:web` → `web`. */
export function containerOf(mode: string | undefined): string | undefined {
  return mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;
}

/** Name of the network that NetworkMode stands for. */
export const networkOfMode = (mode: string | undefined): string =>
  mode === undefined || mode === '' || mode === 'default' ? 'bridge' : mode;

/** Texts as dockerd's (daemon/daemon_unix.go, api/types/container/hostconfig_unix.go). */
export function checkModes(host: HostConfig): void {
  const isMode = (mode: string | undefined, words: readonly string[]) =>
    mode === undefined || mode === '' || words.includes(mode) || Boolean(containerOf(mode));
  if (!isMode(host.PidMode, ['host'])) throw new DaemonError('invalid', `invalid PID mode: ${host.PidMode}`);
  if (!isMode(host.IpcMode, ['host', 'private', 'shareable', 'none']))
    throw new DaemonError('invalid', `invalid IPC mode: ${host.IpcMode}`);
  if (host.UTSMode !== undefined && !['', 'host'].includes(host.UTSMode))
    throw new DaemonError('invalid', `invalid UTS mode: ${host.UTSMode}`);
  if (host.CgroupnsMode !== undefined && !['', 'host', 'private'].includes(host.CgroupnsMode))
    throw new DaemonError('invalid', `invalid cgroup namespace mode: ${host.CgroupnsMode}`);
  if (host.UsernsMode !== undefined && !['', 'host'].includes(host.UsernsMode))
    throw new DaemonError('invalid', `invalid user namespace mode: ${host.UsernsMode}`);
  if (host.NetworkMode?.startsWith('container:') && !containerOf(host.NetworkMode))
    throw new DaemonError('invalid', 'invalid container format container:<name|id>');
}

export interface ModeTarget {
  /** A container that runs; throws conflict otherwise. */
  running(name: string): Container;
  sandboxPath: string;
  defaultCgroupns: string;
}

const namespacePath = (pid: number, name: string) => `/proc/${pid}/ns/${name}`;

export function namespacesOf(host: HostConfig, target: ModeTarget): NamespacePlan {
  const shared = (mode: string | undefined, name: string): string => {
    const other = containerOf(mode);
    if (other !== undefined) return namespacePath(target.running(other).state.pid, name);
    return mode === 'host' ? 'host' : 'new';
  };
  const cgroupns = host.CgroupnsMode || (host.Privileged ? 'host' : target.defaultCgroupns);
  const networkContainer = containerOf(host.NetworkMode);
  return {
    pid: shared(host.PidMode, 'pid'),
    ipc: shared(host.IpcMode, 'ipc'),
    uts: host.UTSMode === 'host' ? 'host' : 'new',
    network:
      networkContainer !== undefined
        ? namespacePath(target.running(networkContainer).state.pid, 'net')
        : target.sandboxPath || 'host',
    cgroup: cgroupns === 'private' ? 'new' : 'host',
  };
}
