/**
 * The firewall as text for `nft -f`: one table, a pure function of what exists. Chains hold few rules; what changes
 * with every container are elements of maps, so starting one never touches a rule.
 *
 * In: bridges and published ports. Out: nft(8) syntax. May import: nothing.
 */

export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One published port of one family: `hostIp` "" is every local address. */
export interface PublishedPort {
  protocol: Protocol;
  family: 4 | 6;
  hostIp: string;
  hostPort: number;
  address: string;
  port: number;
}

/** A bridge as the firewall sees it. */
export interface FirewallBridge {
  interface: string;
  internal: boolean;
  /** Containers on it may talk to each other. */
  icc: boolean;
  /** Subnets whose traffic leaves with an address of the host: `source`, or "" for the outgoing interface's. */
  masquerade: readonly { subnet: string; source: string }[];
  /** Families in which all ports are reachable from outside (`gateway_mode` nat-unprotected). */
  open: readonly (4 | 6)[];
  /** Families without translation (`gateway_mode` routed): containers answer to ping. */
  routed: readonly (4 | 6)[];
}

/** A port that may be reached by routing, without translation (`gateway_mode` routed), or a link with ICC off. */
export interface AllowedPort {
  protocol: Protocol;
  /** "" for anyone. */
  from: string;
  address: string;
  port: number;
}

export interface FirewallState {
  bridges: readonly FirewallBridge[];
  ports: readonly PublishedPort[];
  allowed: readonly AllowedPort[];
}

const familyName = (family: 4 | 6): string => (family === 4 ? 'ip' : 'ip6');
const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** An element of a set, or of a map when it has data: addresses, protocols, ports. */
export interface SetElement {
  set: string;
  key: readonly (string | number)[];
  data?: readonly (string | number)[];
}

const portElement = (port: PublishedPort): SetElement => ({
  set: `${port.hostIp ? 'addressed' : 'published'}${port.family}`,
  key: [...(port.hostIp ? [port.hostIp] : []), port.protocol, port.hostPort],
  data: [port.address, port.port],
});

function allowedElements({ from, address, protocol, port }: AllowedPort): SetElement[] {
  const family = familyOf(address);
  if (!from) return [{ set: `routed${family}`, key: [address, protocol, port] }];
  return [
    { set: `linked${family}`, key: [from, address, protocol, port] },
    // The way back is allowed by its source port.
    { set: `replies${family}`, key: [address, protocol, port, from] },
  ];
}

/** What ports and links put into the sets. */
export const elementsFor = (
  ports: readonly PublishedPort[],
  allowed: readonly AllowedPort[],
): SetElement[] => [...ports.map(portElement), ...allowed.flatMap(allowedElements)];

const elementText = ({ key, data }: SetElement): string =>
  `${key.join(' . ')}${data ? ` : ${data.join(' . ')}` : ''}`;

const elementsOf = (elements: readonly string[]): string =>
  elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;

function sets(state: FirewallState): string[] {
  const elements = elementsFor(state.ports, state.allowed);
  const named = (name: string) => elementsOf(elements.filter(({ set }) => set === name).map(elementText));
  const interfaces = (select: (bridge: FirewallBridge) => boolean) =>
    state.bridges.filter(select).map((bridge) => `"${bridge.interface}"`);
  const lines = [
    `set bridges { type ifname;${elementsOf(interfaces(() => true))} }`,
    `set internal { type ifname;${elementsOf(interfaces(({ internal }) => internal))} }`,
    `set silent { type ifname . ifname;${elementsOf(
      state.bridges.filter(({ icc }) => !icc).map(({ interface: name }) => `"${name}" . "${name}"`),
    )} }`,
    `set same { type ifname . ifname;${elementsOf(
      state.bridges.map(({ interface: name }) => `"${name}" . "${name}"`),
    )} }`,
  ];
  const subnets = state.bridges.flatMap(({ masquerade }) => masquerade);
  for (const family of [4, 6] as const) {
    const type = `ipv${family}_addr`;
    const service = 'inet_proto . inet_service';
    lines.push(
      `map published${family} { type ${service} : ${type} . inet_service;${named(`published${family}`)} }`,
      `map addressed${family} { type ${type} . ${service} : ${type} . inet_service;${named(`addressed${family}`)} }`,
      `set routed${family} { type ${type} . ${service};${named(`routed${family}`)} }`,
      `set linked${family} { type ${type} . ${type} . ${service};${named(`linked${family}`)} }`,
      `set replies${family} { type ${type} . ${service} . ${type};${named(`replies${family}`)} }`,
      `set unprotected${family} { type ifname;${elementsOf(interfaces(({ open }) => open.includes(family)))} }`,
      `set untranslated${family} { type ifname;${elementsOf(interfaces(({ routed }) => routed.includes(family)))} }`,
      `set masquerade${family} { type ${type}; flags interval;${elementsOf(
        subnets.map(({ subnet }) => subnet).filter((subnet) => familyOf(subnet) === family),
      )} }`,
      `map source${family} { type ${type} : ${type}; flags interval;${elementsOf(
        subnets
          .filter(({ subnet, source }) => source !== '' && familyOf(subnet) === family)
          .map(({ subnet, source }) => `${subnet} : ${source}`),
      )} }`,
    );
  }
  return lines;
}

function chains(): string[] {
  const both = (rule: (ip: string, family: 4 | 6) => string): string[] =>
    ([4, 6] as const).map((family) => rule(familyName(family), family));
  const chain = (name: string, ...rules: string[]): string =>
    [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}'].join('\n');
  return [
    chain(
      'publish',
      // What comes from there cannot be routed to a container: the port's holder forwards it by hand.
      'ip6 saddr { ::1, fe80::/10 } return',
      'ip6 daddr ::1 return',
      ...both((ip, n) => `dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @addressed${n}`),
      ...both((ip, n) => `meta nfproto ipv${n} dnat ${ip} to meta l4proto . th dport map @published${n}`),
    ),
    // route_localnet makes 127/8 routable on our bridges; from the wire such a destination is an attack.
    chain(
      'guard',
      'type filter hook prerouting priority raw; policy accept;',
      'ip daddr 127.0.0.0/8 iifname @bridges drop',
    ),
    chain(
      'prerouting',
      'type nat hook prerouting priority dstnat; policy accept;',
      'fib daddr type local jump publish',
    ),
    chain(
      'output',
      'type nat hook output priority -100; policy accept;',
      'fib daddr type local jump publish',
    ),
    chain(
      'postrouting',
      'type nat hook postrouting priority srcnat; policy accept;',
      // From localhost: the container must see an address it can answer.
      'oifname @bridges ip saddr 127.0.0.0/8 masquerade',
      // From a container to a published port: the answer must come back through here.
      ...both((ip, n) => `oifname @bridges ct status dnat ${ip} saddr @masquerade${n} masquerade`),
      ...both((ip, n) => `oifname != @bridges snat ${ip} to ${ip} saddr map @source${n}`),
      ...both((ip, n) => `oifname != @bridges ${ip} saddr @masquerade${n} masquerade`),
    ),
    chain(
      'forward',
      'type filter hook forward priority filter; policy accept;',
      // First, as nearly every packet is one of these: what was let in once continues.
      'ct state established,related accept',
      'oifname @bridges jump inward',
      'iifname @bridges jump outward',
    ),
    chain(
      'inward',
      'iifname . oifname @silent jump silenced',
      'iifname . oifname @same accept',
      'iifname @internal drop',
      'oifname @internal drop',
      'ct status dnat accept',
      ...both((ip, n) => `${ip} daddr . meta l4proto . th dport @routed${n} accept`),
      ...both(
        (ip, n) => `oifname @untranslated${n} meta l4proto ${ip === 'ip' ? 'icmp' : 'ipv6-icmp'} accept`,
      ),
      ...both(
        (ip, n) =>
          `iifname != @bridges oifname @unprotected${n} meta nfproto ${ip === 'ip' ? 'ipv4' : 'ipv6'} accept`,
      ),
      // ICMPv6 neighbours and errors are "related" or local; nothing else may enter unasked.
      'drop',
    ),
    chain(
      'silenced',
      ...both((ip, n) => `${ip} saddr . ${ip} daddr . meta l4proto . th dport @linked${n} accept`),
      ...both((ip, n) => `${ip} saddr . meta l4proto . th sport . ${ip} daddr @replies${n} accept`),
      'ct status dnat accept',
      'drop',
    ),
    chain('outward', 'iifname @internal drop'),
  ];
}

/** Replaces the whole table in one transaction. */
export const renderRuleset = (table: string, state: FirewallState): string =>
  [
    `table inet ${table} { }`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    ...sets(state),
    ...chains(),
    '}',
    '',
  ].join('\n');
