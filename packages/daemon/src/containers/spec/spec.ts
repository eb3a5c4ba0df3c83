/**
 * The OCI runtime configuration of a container (OCI runtime spec 1.0, config.md).
 *
 * In: a container's record and what was prepared for it. Out: `config.json` as a value. May import: spec parts.
 */
import type { OciMount } from '../../volumes/types.js';
import type { Container } from '../types.js';
import { capabilitySet } from './capabilities.js';
import { devicesOf } from './devices.js';
import { containerEnvironment } from './environment.js';
import type { Host } from './host.js';
import { rlimitsOf, type Ulimit } from './limits.js';
import { orderMounts, type SystemMounts, systemMounts } from './mounts.js';
import { resourcesOf } from './resources.js';
import { translateSeccomp, x32 } from './seccomp.js';
import { parseSecurityOptions } from './security.js';
import { systemPaths } from './system-paths.js';
import type { ProcessUser } from './users.js';

/** Where `--init` puts its program. */
const initTarget = '/sbin/docker-init';

export interface NamespacePlan {
  /** Path of another's namespace; `new` for an own one; `host` for none. */
  pid: string;
  ipc: string;
  uts: string;
  network: string;
  cgroup: string;
}

export interface SpecInput {
  container: Container;
  host: Host;
  /** Merged root file system. */
  root: string;
  user: ProcessUser;
  namespaces: NamespacePlan;
  hostname: string;
  linkEnvironment?: readonly string[];
  /** Volumes, binds, tmpfs, /etc files. */
  mounts: readonly OciMount[];
  shm: SystemMounts['shm'];
  /** Below the root of each hierarchy. */
  cgroupsPath: string;
  init: boolean;
  rootfsPropagation?: 'shared' | 'rslave';
  defaultUlimits: readonly Ulimit[];
  /** Absent where the host has no AppArmor. */
  appArmorProfile?: string | undefined;
}

/** `process` of the configuration; an exec starts from it with its own user, arguments and directory. */
export function processOf(input: SpecInput): Record<string, unknown> {
  const { container, host, user } = input;
  const { config, hostConfig } = container;
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const capabilities = capabilitySet(
    {
      privileged: hostConfig.Privileged ?? false,
      add: hostConfig.CapAdd ?? [],
      drop: hostConfig.CapDrop ?? [],
    },
    host.capabilities,
  );
  const effective = user.uid === 0 ? capabilities : [];
  const named = new Set((hostConfig.Ulimits ?? []).map(({ Name }) => Name));
  const ulimits = [
    ...input.defaultUlimits.filter(({ Name }) => !named.has(Name)),
    ...(hostConfig.Ulimits ?? []),
  ];
  const { rlimits } = rlimitsOf(ulimits, host.limits, host.capabilities.includes('CAP_SYS_RESOURCE'));
  const command = [container.path, ...container.args];
  return {
    terminal: config.Tty ?? false,
    ...(config.Tty && hostConfig.ConsoleSize?.[0]
      ? { consoleSize: { height: hostConfig.ConsoleSize[0], width: hostConfig.ConsoleSize[1] } }
      : {}),
    user,
    args: input.init ? [initTarget, '--', ...command] : command,
    env: containerEnvironment({
      hostname: input.hostname,
      terminal: config.Tty ?? false,
      links: input.linkEnvironment ?? [],
      env: config.Env ?? [],
    }),
    cwd: config.WorkingDir || '/',
    capabilities: { bounding: capabilities, effective, permitted: effective },
    noNewPrivileges: security.noNewPrivileges ?? host.noNewPrivileges,
    ...(input.appArmorProfile === undefined ? {} : { apparmorProfile: input.appArmorProfile }),
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
    ...(rlimits.length > 0 ? { rlimits } : {}),
  };
}

export function createSpec(input: SpecInput): object {
  const { container, host, namespaces } = input;
  const { config, hostConfig } = container;
  const privileged = hostConfig.Privileged ?? false;
  const security = parseSecurityOptions(hostConfig.SecurityOpt ?? []);
  const process = processOf(input);
  const { devices, rules } = devicesOf({
    privileged,
    devices: hostConfig.Devices ?? [],
    rules: hostConfig.DeviceCgroupRules ?? [],
  });
  const system = systemMounts({ privileged, shm: input.shm });
  const mounts = orderMounts(system, input.mounts);
  if (input.init && host.init !== undefined)
    mounts.push({ destination: initTarget, type: 'bind', source: host.init, options: ['bind', 'ro'] });
  const paths = systemPaths(hostConfig);
  const seccompProfile =
    privileged && security.seccomp === 'default'
      ? undefined
      : security.seccomp === 'unconfined'
        ? undefined
        : security.seccomp === 'default'
          ? host.seccomp
          : security.seccomp;
  const capabilities = (process.capabilities as { bounding: string[] }).bounding;
  return {
    ociVersion: '1.0.2',
    process,
    root: { path: input.root, readonly: hostConfig.ReadonlyRootfs ?? false },
    ...(namespaces.uts === 'new' ? { hostname: input.hostname } : {}),
    mounts,
    ...(hostConfig.Annotations ? { annotations: hostConfig.Annotations } : {}),
    linux: {
      cgroupsPath: input.cgroupsPath,
      resources: { ...resourcesOf(hostConfig), devices: rules },
      devices,
      ...(input.rootfsPropagation === undefined ? {} : { rootfsPropagation: input.rootfsPropagation }),
      namespaces: [
        { type: 'mount' },
        ...(['network', 'uts', 'pid', 'ipc', 'cgroup'] as const).flatMap((type) => {
          const plan = namespaces[type];
          if (plan === 'host') return [];
          return plan === 'new' ? [{ type }] : [{ type, path: plan }];
        }),
      ],
      sysctl: {
        ...(namespaces.uts === 'new' && config.Domainname ? { 'kernel.domainname': config.Domainname } : {}),
        ...Object.fromEntries(
          Object.entries(hostConfig.Sysctls ?? {}).filter(([name]) => !name.startsWith('net.')),
        ),
      },
      maskedPaths: paths.masked ?? [],
      readonlyPaths: paths.readonly ?? [],
      ...(seccompProfile === undefined
        ? {}
        : {
            seccomp: translateSeccomp(seccompProfile, {
              capabilities,
              architecture: host.architecture,
              kernel: host.kernel,
              absent: host.x32 ? [] : [x32],
            }),
          }),
    },
  };
}
