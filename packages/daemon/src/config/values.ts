/**
 * Values of options: from the file's JSON or a flag's text, then checked and put together.
 *
 * In: JSON values, flag texts. Out: DaemonConfig. May import: options, types.
 */
import { resolve } from 'node:path';
import { checkAddresses } from './addresses.js';
import { ConfigError } from './error.js';
import type { DaemonOption } from './options.js';
import type { AddressPool, DaemonConfig, DriverOptions, RuntimeSetting, UlimitSetting } from './types.js';

export type OptionValue =
  | boolean
  | number
  | string
  | readonly string[]
  | readonly AddressPool[]
  | readonly UlimitSetting[]
  | Readonly<Record<string, string>>
  | Readonly<Record<string, boolean>>
  | Readonly<Record<string, RuntimeSetting>>
  | DriverOptions;

/** Key of daemon.json → value. */
export type OptionValues = ReadonlyMap<string, OptionValue>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const sizeSuffixes: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `64M`, `64m`, `64MiB`, `67108864` → bytes. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmg]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * sizeSuffixes[match[2]!.toLowerCase()]!);
}

/** `nofile=1024:2048` as `--default-ulimit` takes it. */
export function parseUlimit(text: string): UlimitSetting {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null) throw new ConfigError(`invalid ulimit argument: ${text}`);
  const soft = Number(match[2]);
  return checkUlimit({ Name: match[1]!, Soft: soft, Hard: match[3] === undefined ? soft : Number(match[3]) });
}

function checkUlimit(limit: UlimitSetting): UlimitSetting {
  const { Soft, Hard } = limit;
  if (Hard !== -1 && (Soft === -1 || Soft > Hard))
    throw new ConfigError(`ulimit soft limit must be less than or equal to hard limit: ${Soft} > ${Hard}`);
  return limit;
}

/** `base=10.10.0.0/16,size=24` as `--default-address-pool` takes it. */
export function parsePool(text: string): AddressPool {
  const fields = new Map(text.split(',').map((part) => part.split('=', 2) as [string, string]));
  const [base, size] = [fields.get('base'), Number(fields.get('size'))];
  if (base === undefined || !Number.isInteger(size) || fields.size !== 2)
    throw new ConfigError(`invalid default address pool: ${text} (base=CIDR,size=BITS)`);
  return checkPool({ base, size });
}

function checkPool(pool: AddressPool): AddressPool {
  const bits = Number(/^[0-9a-fA-F.:]+\/(\d{1,3})$/.exec(pool.base)?.[1] ?? Number.NaN);
  if (Number.isNaN(bits))
    throw new ConfigError(
      `invalid base pool ${JSON.stringify(pool.base)}: invalid CIDR address: ${pool.base}`,
    );
  if (!(bits <= pool.size && pool.size <= (pool.base.includes(':') ? 128 : 32)))
    throw new ConfigError(`invalid pools size: ${pool.size}`);
  return pool;
}

/** The value of one key of daemon.json; a value of another kind is named with its key. */
export function parseFileValue(option: DaemonOption, value: unknown): OptionValue {
  const wrong = (expected: string): ConfigError =>
    new ConfigError(`invalid value for ${option.key}: ${JSON.stringify(value)} is not ${expected}`);
  const strings = (values: Record<string, unknown>): Record<string, string> => {
    if (!Object.values(values).every((one) => typeof one === 'string')) throw wrong('an object of strings');
    return values as Record<string, string>;
  };
  switch (option.kind) {
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('a boolean');
      return value;
    case 'integer':
      if (!Number.isInteger(value)) throw wrong('an integer');
      return value as number;
    case 'string':
      if (typeof value !== 'string') throw wrong('a string');
      return value;
    case 'size': {
      const bytes =
        typeof value === 'number' ? value : typeof value === 'string' ? parseSize(value) : undefined;
      if (bytes === undefined) throw wrong('a size');
      return bytes;
    }
    case 'list':
      if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
        throw wrong('a list of strings');
      return value;
    case 'map':
      if (!isObject(value)) throw wrong('an object of strings');
      return strings(value);
    case 'features':
      if (!isObject(value) || !Object.values(value).every((one) => typeof one === 'boolean'))
        throw wrong('an object of booleans');
      return value as Record<string, boolean>;
    case 'ulimits':
      if (!isObject(value)) throw wrong('an object of limits');
      return Object.entries(value).map(([name, limit]) => {
        if (!isObject(limit) || !Number.isInteger(limit.Soft) || !Number.isInteger(limit.Hard))
          throw wrong('an object of {Name, Soft, Hard}');
        return checkUlimit({ Name: name, Soft: limit.Soft as number, Hard: limit.Hard as number });
      });
    case 'pools':
      if (!Array.isArray(value)) throw wrong('a list of {base, size}');
      return value.map((pool) => {
        if (!isObject(pool) || typeof pool.base !== 'string' || !Number.isInteger(pool.size))
          throw wrong('a list of {base, size}');
        return checkPool({ base: pool.base, size: pool.size as number });
      });
    case 'driver-options':
      if (!isObject(value) || !Object.values(value).every(isObject))
        throw wrong('an object of options by driver');
      return Object.fromEntries(
        Object.entries(value).map(([driver, options]) => [
          driver,
          strings(options as Record<string, unknown>),
        ]),
      );
    case 'runtimes':
      if (!isObject(value)) throw wrong('an object of runtimes');
      return Object.fromEntries(
        Object.entries(value).map(([name, runtime]) => {
          if (!isObject(runtime) || typeof runtime.path !== 'string')
            throw wrong('an object of {path, runtimeArgs}');
          const runtimeArgs = runtime.runtimeArgs ?? [];
          if (!Array.isArray(runtimeArgs) || !runtimeArgs.every((one) => typeof one === 'string'))
            throw wrong('an object of {path, runtimeArgs}');
          return [name, { path: runtime.path, runtimeArgs }];
        }),
      );
  }
}

const splitOnce = (text: string, what: string): [string, string] => {
  const at = text.indexOf('=');
  if (at <= 0) throw new ConfigError(`invalid ${what}: ${text} (name=value)`);
  return [text.slice(0, at), text.slice(at + 1)];
};

/** The value of a flag, given once (`texts` has one) or repeated. */
export function parseFlagValue(option: DaemonOption, texts: readonly string[]): OptionValue {
  const last = texts.at(-1) ?? '';
  const invalid = (): ConfigError =>
    new ConfigError(`invalid argument "${last}" for "--${option.flag || option.key}" flag`);
  switch (option.kind) {
    case 'boolean':
      if (!/^(true|false|1|0|t|f)$/i.test(last)) throw invalid();
      return /^(true|1|t)$/i.test(last);
    case 'integer':
      if (!/^-?\d+$/.test(last)) throw invalid();
      return Number(last);
    case 'string':
      return last;
    case 'size': {
      const bytes = parseSize(last);
      if (bytes === undefined) throw invalid();
      return bytes;
    }
    case 'list':
      return texts;
    case 'map':
      return Object.fromEntries(texts.map((text) => splitOnce(text, option.key)));
    case 'features':
      return Object.fromEntries(texts.map((text) => [text, true]));
    case 'ulimits':
      return texts.map(parseUlimit);
    case 'pools':
      return texts.map(parsePool);
    case 'driver-options': {
      const byDriver: Record<string, Record<string, string>> = {};
      for (const text of texts) {
        const [driver, setting] = splitOnce(text, option.key);
        const [name, value] = splitOnce(setting, option.key);
        byDriver[driver] = { ...byDriver[driver], [name]: value };
      }
      return byDriver;
    }
    case 'runtimes':
      return Object.fromEntries(
        texts.map((text) => {
          const [name, path] = splitOnce(text, 'runtime');
          return [name, { path, runtimeArgs: [] }];
        }),
      );
  }
}

const oneOf = <T extends string>(key: string, value: string, allowed: readonly T[]): T => {
  if (!(allowed as readonly string[]).includes(value))
    throw new ConfigError(
      `invalid value for ${key}: ${JSON.stringify(value)} is none of ${allowed.join(', ')}`,
    );
  return value as T;
};

const positive = (key: string, value: number): number => {
  if (value < 0) throw new ConfigError(`invalid ${key}: ${value}`);
  return value;
};

function checkLabels(labels: readonly string[]): void {
  const values = new Map<string, string>();
  for (const label of labels) {
    if (!label.includes('=')) throw new ConfigError(`bad attribute format: ${label}`);
    const [key, value] = splitOnce(label, 'label');
    const other = values.get(key);
    if (other !== undefined && other !== value)
      throw new ConfigError(`conflict labels for ${key}=${value} and ${key}=${other}`);
    values.set(key, value);
  }
}

/** The complete configuration. Throws ConfigError for what contradicts itself. */
export function toConfig(values: OptionValues, dataRoot: string, instance: string): DaemonConfig {
  const string = (key: string): string | undefined => (values.get(key) as string | undefined) || undefined;
  const boolean = (key: string, absent = false): boolean =>
    (values.get(key) as boolean | undefined) ?? absent;
  const integer = (key: string, absent: number): number =>
    positive(key, (values.get(key) as number | undefined) ?? absent);
  const list = (key: string): readonly string[] => (values.get(key) as readonly string[] | undefined) ?? [];
  const file = (key: string): string | undefined => {
    const path = string(key);
    return path === undefined ? undefined : resolve(path);
  };

  if (string('storage-driver') !== undefined)
    oneOf('storage-driver', string('storage-driver')!, ['overlay2']);
  const features = values.get('features') as Record<string, boolean> | undefined;
  for (const [name, on] of Object.entries(features ?? {}))
    if (on) throw new ConfigError(`invalid feature: ${name} is not available in this engine`);
  checkLabels(list('labels'));
  for (const mirror of list('registry-mirrors'))
    if (!URL.canParse(mirror) || !/^https?:$/.test(new URL(mirror).protocol))
      throw new ConfigError(`invalid mirror: unsupported scheme in ${JSON.stringify(mirror)}`);

  const verify = boolean('tlsverify');
  const tlsFiles = { ca: file('tlscacert'), cert: file('tlscert'), key: file('tlskey') };
  const home = resolve('/etc/noos/tls');
  const tls =
    verify || boolean('tls')
      ? {
          verify,
          ca: tlsFiles.ca ?? `${home}/ca.pem`,
          cert: tlsFiles.cert ?? `${home}/cert.pem`,
          key: tlsFiles.key ?? `${home}/key.pem`,
        }
      : undefined;
  const runtimes = {
    runc: { path: 'runc', runtimeArgs: [] },
    ...(values.get('runtimes') as Record<string, RuntimeSetting> | undefined),
  };
  const defaultRuntime = string('default-runtime') ?? 'runc';
  if (!(defaultRuntime in runtimes))
    throw new ConfigError(`specified default runtime '${defaultRuntime}' does not exist`);
  if (string('bip') !== undefined && string('bridge') === 'none')
    throw new ConfigError('You specified -b & --bip, mutually exclusive options. Please specify only one');
  const given = (key: string): (readonly [string, string])[] =>
    string(key) === undefined ? [] : [[key, string(key)!]];
  checkAddresses({
    bip: string('bip'),
    fixedCidr: string('fixed-cidr'),
    fixedCidrV6: string('fixed-cidr-v6'),
    defaultGateway: string('default-gateway'),
    addresses: [
      ...['ip', 'default-gateway', 'host-gateway-ip'].flatMap(given),
      ...list('dns').map((address) => ['dns', address] as const),
    ],
    searchDomains: list('dns-search'),
  });
  if (integer('mtu', 0) > 65535) throw new ConfigError(`invalid default MTU: ${integer('mtu', 0)}`);
  if (values.has('runtimes') && 'runc' in (values.get('runtimes') as object))
    throw new ConfigError("runtime name 'runc' is reserved");
  const optional = <K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: T };

  return {
    dataRoot,
    execRoot: file('exec-root') ?? (instance === 'noos' ? '/run/noos' : `/run/${instance}`),
    instance,
    hosts: list('hosts').length > 0 ? list('hosts') : ['unix:///run/noos.sock'],
    group: string('group') ?? 'docker',
    pidFile: file('pidfile') ?? `/run/${instance}.pid`,
    debug: boolean('debug'),
    logLevel: boolean('debug')
      ? 'debug'
      : oneOf('log-level', string('log-level') ?? 'info', ['debug', 'info', 'warn', 'error', 'fatal']),
    labels: list('labels'),
    ...optional('tls', tls),
    ...optional('metricsAddress', string('metrics-addr')),
    experimental: boolean('experimental'),
    liveRestore: boolean('live-restore'),
    shutdownTimeoutS: integer('shutdown-timeout', 15),
    bridge: {
      name: string('bridge') ?? 'noos0',
      ...optional('address', string('bip')),
      ...optional('fixedCidr', string('fixed-cidr')),
      ...optional('defaultGateway', string('default-gateway')),
      ipv6: boolean('ipv6'),
      ...optional('fixedCidrV6', string('fixed-cidr-v6')),
      mtu: integer('mtu', 0),
      icc: boolean('icc', true),
    },
    defaultNetworkOptions: (values.get('default-network-opts') as DriverOptions | undefined) ?? {},
    defaultAddressPools: (values.get('default-address-pools') as readonly AddressPool[] | undefined) ?? [],
    publishAddress: string('ip') ?? '0.0.0.0',
    ipForward: boolean('ip-forward', true),
    ipMasquerade: boolean('ip-masq', true),
    userlandProxy: boolean('userland-proxy', true),
    ...optional('hostGatewayAddress', string('host-gateway-ip')),
    dns: list('dns'),
    dnsSearch: list('dns-search'),
    dnsOptions: list('dns-opts'),
    // dockerd takes a scheme and drops it.
    insecureRegistries: list('insecure-registries').map((name) => name.replace(/^https?:\/\//, '')),
    registryMirrors: list('registry-mirrors'),
    maxConcurrentDownloads: integer('max-concurrent-downloads', 3),
    maxConcurrentUploads: integer('max-concurrent-uploads', 5),
    maxDownloadAttempts: integer('max-download-attempts', 5),
    init: boolean('init'),
    initPath: string('init-path') ?? '/usr/bin/tini-static',
    logDriver: oneOf('log-driver', string('log-driver') ?? 'json-file', ['json-file', 'local', 'none']),
    logOptions: (values.get('log-opts') as Record<string, string> | undefined) ?? {},
    defaultUlimits: (values.get('default-ulimits') as readonly UlimitSetting[] | undefined) ?? [],
    ...optional('cgroupParent', string('cgroup-parent')),
    runtimes,
    defaultRuntime,
    defaultShmSize: integer('default-shm-size', 64 * 2 ** 20),
    defaultIpcMode: oneOf('default-ipc-mode', string('default-ipc-mode') ?? 'private', [
      'private',
      'shareable',
    ]),
    ...optional(
      'defaultCgroupnsMode',
      string('default-cgroupns-mode') &&
        oneOf('default-cgroupns-mode', string('default-cgroupns-mode')!, ['host', 'private']),
    ),
    noNewPrivileges: boolean('no-new-privileges'),
    seccompProfile: string('seccomp-profile') ?? 'builtin',
  };
}
