/**
 * Networks, endpoints, sandboxes: the face other areas use, and the interface a driver implements.
 *
 * In: Docker's network and endpoint settings. Out: namespaces with interfaces, addresses, ports. May import: nothing.
 */

export interface IpamPoolConfig {
  /** CIDR. */
  Subnet?: string;
  IPRange?: string;
  Gateway?: string;
  /** Name → address never given out. */
  AuxiliaryAddresses?: Record<string, string>;
}

/** API: NetworkCreate body. */
export interface NetworkCreate {
  Name: string;
  Driver?: string;
  Internal?: boolean;
  Attachable?: boolean;
  Ingress?: boolean;
  EnableIPv4?: boolean;
  EnableIPv6?: boolean;
  IPAM?: { Driver?: string; Config?: IpamPoolConfig[]; Options?: Record<string, string> };
  Options?: Record<string, string>;
  Labels?: Record<string, string>;
  Scope?: string;
  ConfigOnly?: boolean;
  ConfigFrom?: { Network: string };
}

export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  /** With what was chosen filled in. */
  readonly ipam: { Driver: string; Options: Record<string, string> | null; Config: IpamPoolConfig[] };
  /** Pools as the user asked for them; absent on networks that the daemon made itself. */
  readonly askedPools?: readonly IpamPoolConfig[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created: string;
  /** Settings for other networks; no container can join it. */
  readonly configOnly?: boolean;
  /** Name of the network whose settings it took. */
  readonly configFrom?: string;
}

/** What a container asks of one network (API: EndpointSettings, the request's half). */
export interface EndpointRequest {
  IPAMConfig?: { IPv4Address?: string; IPv6Address?: string; LinkLocalIPs?: string[] } | null;
  /** `container:alias`. */
  Links?: string[] | null;
  Aliases?: string[] | null;
  MacAddress?: string;
  DriverOpts?: Record<string, string> | null;
  GwPriority?: number;
  /** The network that is meant, whatever is called by its name; absent: the one of that name. */
  NetworkID?: string;
}

/** What it got (API: EndpointSettings, the answer's half). */
export interface Endpoint {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
  /** "" when there is none, as all of these. */
  readonly gateway: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly ipv6Gateway: string;
  readonly address6: string;
  readonly prefixLength6: number;
  readonly macAddress: string;
  /** Its end on the host: the veth, or the TAP to open; "" when the driver has none. */
  readonly hostInterface: string;
  /** Names the embedded DNS answers for: container name, short ID, aliases. */
  readonly dnsNames: readonly string[];
  readonly request: EndpointRequest;
}

export interface PortBinding {
  HostIp?: string;
  /** "" or absent: ephemeral; `8000-8010`: the first free one. */
  HostPort?: string;
}

/** `80/tcp` → bindings. */
export type PortMap = Record<string, PortBinding[] | null>;

export interface SandboxRequest {
  /** The container's ID; one sandbox each. */
  id: string;
  /** Without slash. */
  name: string;
  /** What the container calls itself, in /etc/hosts and DNS: `host.domain`, `host`. */
  hostNames: readonly string[];
  /** As the embedded DNS knows it. */
  hostname: string;
  /** Network name or ID, unless NetworkID says which → settings, in the order of joining; the first gives the default route unless GwPriority. */
  endpoints: Readonly<Record<string, EndpointRequest>>;
  ports: PortMap;
  exposedPorts: readonly string[];
  publishAll: boolean;
  /** `--dns`, `--dns-search`, `--dns-option`. */
  dns: { servers: readonly string[]; search: readonly string[]; options: readonly string[] };
  /** `--sysctl net.*` set in the namespace before interfaces come up. */
  sysctls: Readonly<Record<string, string>>;
  /** What the workload drives: a veth pair's end in a namespace, or a TAP on the bridge. */
  attachment: 'veth' | 'tap';
}

export interface Sandbox {
  readonly id: string;
  /** Path of the network namespace (NetworkSettings.SandboxKey), for the OCI spec; "" is the host's own. */
  readonly path: string;
  readonly endpoints: Readonly<Record<string, Endpoint>>;
  /** What is published, with the ports chosen. */
  readonly ports: PortMap;
  /** Lines for /etc/hosts beyond localhost and extra hosts: own addresses, links of the default bridge. */
  readonly hosts: readonly { address: string; names: readonly string[] }[];
  /** Content of /etc/resolv.conf: 127.0.0.11 on user-defined networks, the host's servers otherwise. */
  readonly resolvConf: string;
}

export interface Networks {
  create(request: NetworkCreate): Promise<Network>;
  /** By ID, unique ID prefix or name. Throws notFound `network <name> not found`. */
  get(name: string): Network;
  list(): readonly Network[];
  remove(name: string): Promise<void>;
  /** Endpoints of running containers on the network: container ID → endpoint and name. */
  endpointsOf(networkId: string): ReadonlyMap<string, { name: string; endpoint: Endpoint }>;
  /** Throws Docker's words for settings that the network cannot honour (connect). */
  checkEndpoint(network: Network, request: EndpointRequest): void;
  /** Checks names, addresses, aliases against the networks without changing anything (container create). */
  validate(request: SandboxRequest): void;
  /** Namespace, interfaces, addresses, ports, DNS; undone on failure. */
  open(request: SandboxRequest): Promise<Sandbox>;
  find(id: string): Sandbox | undefined;
  /** `docker network connect` on a running container. */
  connect(id: string, network: string, request: EndpointRequest): Promise<Endpoint>;
  disconnect(id: string, network: string): Promise<void>;
  /** Frees everything; idempotent. */
  close(id: string): Promise<void>;
  /** After a rename: DNS names follow. */
  rename(id: string, name: string): Promise<void>;
  /** Links of the default bridge, `<ID>:<alias>`, or where they lead, are others now. */
  relink(id: string, links: readonly string[]): Promise<void>;
  /** At start: keeps sandboxes of running containers (DNS, rules, links again as recorded), frees all others. */
  reconcile(running: ReadonlySet<string>): Promise<void>;
  /** Daemon shutdown: ports and DNS are let go; when no container runs, rules and bridges go too. */
  shutdown(): Promise<void>;
}

/**
 * One kind of network. Links on the host are the driver's; addresses are IPAM's; records, namespaces and published
 * ports are the registry's and the sandboxes'.
 */
export interface NetworkDriver {
  readonly name: string;
  /** It has pools and hands out addresses; `host` and `none` do not. */
  readonly addresses: boolean;
  /** The link it keeps on the host for a network, if any. */
  linkName?(network: Network): string | undefined;
  /** Nothing can leave the network, whatever was asked: it becomes internal. */
  isolated?(request: NetworkCreate): boolean;
  /** Which families want a gateway chosen for them; default both. */
  gateways?(request: NetworkCreate): Readonly<Record<4 | 6, boolean>>;
  /** Throws DaemonError invalid or forbidden; changes nothing. */
  validate(network: Network): void;
  /** Undone on failure. */
  create(network: Network): Promise<void>;
  /** Idempotent. */
  delete(network: Network): Promise<void>;
  /** Makes the interface `interfaceName` in the namespace, down and without addresses, or the TAP. */
  join(network: Network, join: JoinRequest): Promise<void>;
  /** After a restart: makes what `join` made and is missing. True when the interface is new, without addresses. */
  rejoin?(network: Network, join: JoinRequest): Promise<boolean>;
  /** Removes it; a namespace that ends takes its interfaces along, so this is for live ones and for TAPs. */
  leave(network: Network, leave: LeaveRequest): Promise<void>;
  /** At start: makes links and rules of all the driver's networks as recorded, whatever was there. */
  reconcile(networks: readonly Network[], failed: (network: Network, error: unknown) => void): Promise<void>;
}

export interface JoinRequest {
  /** `path` is "" for TAPs: they stay in the host's namespace. */
  sandbox: { id: string; path: string };
  endpoint: Endpoint;
  attachment: 'veth' | 'tap';
  /** Name inside the namespace: eth0, eth1, … */
  interfaceName: string;
}

export interface LeaveRequest {
  sandbox: { id: string; path: string };
  endpoint: Endpoint;
  attachment: 'veth' | 'tap';
  interfaceName: string;
}
