/**
 * Bodies of container requests (API: ContainerConfig, HostConfig, NetworkingConfig, update). Null is absent.
 *
 * May import: typebox.
 */
import { Type } from '@sinclair/typebox';
import { endpointRequestSchema, nullable, strings } from '../networks/endpoint-schema.js';

const text = Type.Optional(Type.String());
const flag = Type.Optional(Type.Boolean());
const whole = Type.Optional(Type.Integer());
const list = nullable(Type.Array(Type.String()));
const keys = nullable(Type.Record(Type.String(), Type.Object({})));
/** Old clients send one word where a list is expected (Go's strslice). */
const words = nullable(Type.Union([Type.Array(Type.String()), Type.String()]));

export const healthcheckSchema = Type.Object({
  Test: list,
  Interval: whole,
  Timeout: whole,
  StartPeriod: whole,
  StartInterval: whole,
  Retries: whole,
});

const containerConfig = {
  Hostname: text,
  Domainname: text,
  User: text,
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  ExposedPorts: keys,
  Tty: flag,
  OpenStdin: flag,
  StdinOnce: flag,
  Env: list,
  Cmd: words,
  Healthcheck: nullable(healthcheckSchema),
  ArgsEscaped: flag,
  Image: text,
  Volumes: keys,
  WorkingDir: text,
  Entrypoint: words,
  NetworkDisabled: flag,
  MacAddress: text,
  OnBuild: list,
  Labels: strings,
  StopSignal: text,
  StopTimeout: nullable(Type.Integer()),
  Shell: list,
};

const restartPolicy = nullable(Type.Object({ Name: text, MaximumRetryCount: whole }));
const weights = nullable(Type.Array(Type.Object({ Path: Type.String(), Weight: Type.Integer() })));
const rates = nullable(Type.Array(Type.Object({ Path: Type.String(), Rate: Type.Integer() })));

/** What both create and update take (API: Resources). */
const resources = {
  CpuShares: whole,
  Memory: whole,
  NanoCpus: whole,
  CgroupParent: text,
  BlkioWeight: whole,
  BlkioWeightDevice: weights,
  BlkioDeviceReadBps: rates,
  BlkioDeviceWriteBps: rates,
  BlkioDeviceReadIOps: rates,
  BlkioDeviceWriteIOps: rates,
  CpuPeriod: whole,
  CpuQuota: whole,
  CpuRealtimePeriod: whole,
  CpuRealtimeRuntime: whole,
  CpusetCpus: text,
  CpusetMems: text,
  Devices: nullable(
    Type.Array(Type.Object({ PathOnHost: text, PathInContainer: text, CgroupPermissions: text })),
  ),
  DeviceCgroupRules: list,
  DeviceRequests: nullable(Type.Array(Type.Object({}))),
  KernelMemory: whole,
  MemoryReservation: whole,
  MemorySwap: whole,
  MemorySwappiness: nullable(Type.Integer()),
  OomKillDisable: nullable(Type.Boolean()),
  PidsLimit: nullable(Type.Integer()),
  Ulimits: nullable(
    Type.Array(Type.Object({ Name: Type.String(), Soft: Type.Integer(), Hard: Type.Integer() })),
  ),
};

const mount = Type.Object({
  Type: text,
  Source: text,
  Target: text,
  ReadOnly: flag,
  Consistency: text,
  BindOptions: nullable(
    Type.Object({
      Propagation: text,
      NonRecursive: flag,
      CreateMountpoint: flag,
      ReadOnlyNonRecursive: flag,
      ReadOnlyForceRecursive: flag,
    }),
  ),
  VolumeOptions: nullable(
    Type.Object({
      NoCopy: flag,
      Labels: strings,
      DriverConfig: nullable(Type.Object({ Name: text, Options: strings })),
      Subpath: text,
    }),
  ),
  TmpfsOptions: nullable(
    Type.Object({ SizeBytes: whole, Mode: whole, Options: nullable(Type.Array(Type.Array(Type.String()))) }),
  ),
});

const hostConfig = Type.Object({
  ...resources,
  Binds: list,
  ContainerIDFile: text,
  LogConfig: nullable(Type.Object({ Type: text, Config: strings })),
  NetworkMode: text,
  PortBindings: nullable(
    Type.Record(Type.String(), nullable(Type.Array(Type.Object({ HostIp: text, HostPort: text })))),
  ),
  RestartPolicy: restartPolicy,
  AutoRemove: flag,
  VolumeDriver: text,
  VolumesFrom: list,
  Mounts: nullable(Type.Array(mount)),
  Annotations: strings,
  ConsoleSize: nullable(Type.Array(Type.Integer())),
  CapAdd: words,
  CapDrop: words,
  CgroupnsMode: text,
  Dns: list,
  DnsOptions: list,
  DnsSearch: list,
  ExtraHosts: list,
  GroupAdd: list,
  IpcMode: text,
  Cgroup: text,
  Links: list,
  OomScoreAdj: whole,
  PidMode: text,
  Privileged: flag,
  PublishAllPorts: flag,
  ReadonlyRootfs: flag,
  SecurityOpt: list,
  StorageOpt: strings,
  Tmpfs: strings,
  UTSMode: text,
  UsernsMode: text,
  ShmSize: whole,
  Sysctls: strings,
  Runtime: text,
  Isolation: text,
  Init: nullable(Type.Boolean()),
  MaskedPaths: list,
  ReadonlyPaths: list,
});

export const createSchema = Type.Object({
  ...containerConfig,
  HostConfig: nullable(hostConfig),
  NetworkingConfig: nullable(
    Type.Object({ EndpointsConfig: nullable(Type.Record(Type.String(), nullable(endpointRequestSchema))) }),
  ),
});

export const updateSchema = Type.Object({ ...resources, RestartPolicy: restartPolicy });
