/**
 * Every option of the daemon: its key in daemon.json, its flag, its kind, its help. Flags and file come from this table.
 *
 * In: nothing. Out: the table. May import: nothing.
 */

export type OptionKind =
  | 'boolean'
  | 'string'
  | 'integer'
  /** Bytes, with Docker's suffixes: 64M. */
  | 'size'
  | 'list'
  /** `name=value` as a flag, an object of strings in the file. */
  | 'map'
  | 'ulimits'
  | 'pools'
  | 'runtimes'
  /** Options by driver: `driver=name=value` as a flag. */
  | 'driver-options'
  | 'features';

export interface DaemonOption {
  /** Key in daemon.json, as Docker names it. */
  key: string;
  kind: OptionKind;
  /** Long flag without dashes when it is not the key; `false`: only in the file. */
  flag?: string | false;
  short?: string;
  argument?: string;
  help: string;
}

/** Docker's keys that mean the same here, in the order of `--help`. */
export const daemonOptions: readonly DaemonOption[] = [
  { key: 'bip', kind: 'string', argument: 'cidr', help: 'address of the default bridge' },
  {
    key: 'bridge',
    kind: 'string',
    short: 'b',
    argument: 'name',
    help: 'link of the default bridge network, none: no such network (default noos0)',
  },
  { key: 'cgroup-parent', kind: 'string', argument: 'path', help: 'parent control group of all containers' },
  {
    key: 'data-root',
    kind: 'string',
    argument: 'directory',
    help: 'persistent state (default /var/lib/noos)',
  },
  { key: 'debug', kind: 'boolean', short: 'D', help: 'log everything' },
  {
    key: 'default-address-pools',
    kind: 'pools',
    flag: 'default-address-pool',
    argument: 'base=cidr,size=bits',
    help: 'where networks take their subnets from; may be repeated',
  },
  {
    key: 'default-cgroupns-mode',
    kind: 'string',
    argument: 'mode',
    help: 'cgroup namespace of containers: host or private (default private on cgroup v2)',
  },
  {
    key: 'default-gateway',
    kind: 'string',
    argument: 'address',
    help: 'default gateway of the default bridge',
  },
  {
    key: 'default-ipc-mode',
    kind: 'string',
    argument: 'mode',
    help: 'IPC of containers: private or shareable (default private)',
  },
  {
    key: 'default-network-opts',
    kind: 'driver-options',
    flag: 'default-network-opt',
    argument: 'driver=option=value',
    help: 'option of networks of a driver that do not say otherwise; may be repeated',
  },
  {
    key: 'default-runtime',
    kind: 'string',
    argument: 'name',
    help: 'OCI runtime of containers that name none (default runc)',
  },
  { key: 'default-shm-size', kind: 'size', argument: 'bytes', help: 'size of /dev/shm (default 64M)' },
  {
    key: 'default-ulimits',
    kind: 'ulimits',
    flag: 'default-ulimit',
    argument: 'name=soft[:hard]',
    help: 'resource limit of containers; may be repeated',
  },
  { key: 'dns', kind: 'list', argument: 'address', help: 'DNS server of containers; may be repeated' },
  {
    key: 'dns-opts',
    kind: 'list',
    flag: 'dns-opt',
    argument: 'option',
    help: 'resolver option of containers; may be repeated',
  },
  {
    key: 'dns-search',
    kind: 'list',
    argument: 'domain',
    help: 'search domain of containers; may be repeated',
  },
  {
    key: 'exec-root',
    kind: 'string',
    argument: 'directory',
    help: 'state that ends with the boot (default /run/noos)',
  },
  { key: 'experimental', kind: 'boolean', help: 'say so in the API' },
  { key: 'features', kind: 'features', flag: false, help: 'feature switches' },
  {
    key: 'fixed-cidr',
    kind: 'string',
    argument: 'cidr',
    help: 'addresses of containers on the default bridge',
  },
  { key: 'fixed-cidr-v6', kind: 'string', argument: 'cidr', help: 'IPv6 subnet of the default bridge' },
  {
    key: 'group',
    kind: 'string',
    short: 'G',
    argument: 'group',
    help: 'group of the unix socket (default docker, when it exists)',
  },
  {
    key: 'hosts',
    kind: 'list',
    flag: 'host',
    short: 'H',
    argument: 'url',
    help: 'where to listen: unix://PATH, tcp://ADDRESS:PORT, fd://; may be repeated (default unix:///run/noos.sock)',
  },
  {
    key: 'host-gateway-ip',
    kind: 'string',
    argument: 'address',
    help: 'what host-gateway means in --add-host',
  },
  {
    key: 'icc',
    kind: 'boolean',
    help: 'containers on the default bridge may talk to each other (default true)',
  },
  { key: 'init', kind: 'boolean', help: 'run an init in every container' },
  { key: 'init-path', kind: 'string', argument: 'file', help: 'the init (default: tini of the host)' },
  {
    key: 'insecure-registries',
    kind: 'list',
    flag: 'insecure-registry',
    argument: 'registry',
    help: 'registry (host[:port] or CIDR) without checked TLS; may be repeated',
  },
  {
    key: 'ip',
    kind: 'string',
    argument: 'address',
    help: 'host address of published ports that name none (default 0.0.0.0)',
  },
  { key: 'ip-forward', kind: 'boolean', help: 'switch IP forwarding on (default true)' },
  { key: 'ip-masq', kind: 'boolean', help: 'masquerade what leaves the default bridge (default true)' },
  { key: 'ipv6', kind: 'boolean', help: 'IPv6 on the default bridge' },
  {
    key: 'labels',
    kind: 'list',
    flag: 'label',
    argument: 'key=value',
    help: 'label of the daemon; may be repeated',
  },
  { key: 'live-restore', kind: 'boolean', help: 'containers go on when the daemon stops' },
  {
    key: 'log-driver',
    kind: 'string',
    argument: 'driver',
    help: 'log driver of containers: json-file, local or none (default json-file)',
  },
  {
    key: 'log-level',
    kind: 'string',
    short: 'l',
    argument: 'level',
    help: 'debug, info, warn, error or fatal (default info)',
  },
  {
    key: 'log-opts',
    kind: 'map',
    flag: 'log-opt',
    argument: 'name=value',
    help: 'option of the log driver; may be repeated',
  },
  {
    key: 'max-concurrent-downloads',
    kind: 'integer',
    argument: 'n',
    help: 'layers of one pull at once (default 3)',
  },
  {
    key: 'max-concurrent-uploads',
    kind: 'integer',
    argument: 'n',
    help: 'layers of one push at once (default 5)',
  },
  {
    key: 'max-download-attempts',
    kind: 'integer',
    argument: 'n',
    help: 'attempts for each layer of a pull (default 5)',
  },
  { key: 'metrics-addr', kind: 'string', argument: 'address:port', help: 'where to serve /metrics' },
  { key: 'mtu', kind: 'integer', argument: 'bytes', help: 'MTU of the default bridge' },
  { key: 'no-new-privileges', kind: 'boolean', help: 'containers cannot gain privileges' },
  {
    key: 'pidfile',
    kind: 'string',
    short: 'p',
    argument: 'file',
    help: 'file for the process ID (default /run/noos.pid)',
  },
  {
    key: 'registry-mirrors',
    kind: 'list',
    flag: 'registry-mirror',
    argument: 'url',
    help: 'mirror of Docker Hub; may be repeated',
  },
  {
    key: 'runtimes',
    kind: 'runtimes',
    flag: 'add-runtime',
    argument: 'name=path',
    help: 'OCI runtime; may be repeated',
  },
  {
    key: 'seccomp-profile',
    kind: 'string',
    argument: 'file',
    help: 'profile of containers: a file, builtin or unconfined (default builtin)',
  },
  {
    key: 'shutdown-timeout',
    kind: 'integer',
    argument: 'seconds',
    help: 'how long containers may take to stop with the daemon (default 15)',
  },
  { key: 'storage-driver', kind: 'string', short: 's', argument: 'driver', help: 'overlay2 is the only one' },
  { key: 'tls', kind: 'boolean', help: 'TLS on tcp sockets; implied by --tlsverify' },
  { key: 'tlscacert', kind: 'string', argument: 'file', help: 'who signs certificates of clients' },
  { key: 'tlscert', kind: 'string', argument: 'file', help: 'certificate of the daemon' },
  { key: 'tlskey', kind: 'string', argument: 'file', help: 'its key' },
  { key: 'tlsverify', kind: 'boolean', help: 'clients must show a certificate' },
  { key: 'userland-proxy', kind: 'boolean', help: 'published ports on loopback (default true)' },
];

/** The long flag of an option, or undefined when it is set in the file only. */
export const flagOf = (option: DaemonOption): string | undefined =>
  option.flag === false ? undefined : (option.flag ?? option.key);
