/**
 * resolv.conf(5): the host's, read; a container's, built from it.
 *
 * In: the host's file, `--dns*` options, the kind of network. Out: content, and the servers to forward to.
 * May import: nothing.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

export interface ResolvConf {
  servers: string[];
  search: string[];
  options: string[];
}

/** Where the embedded DNS listens in every sandbox. */
export const resolverAddress = '127.0.0.11';
const resolvedStub = '127.0.0.53';
const hostPath = '/etc/resolv.conf';
/** The servers behind systemd-resolved's stub. */
const resolvedPath = '/run/systemd/resolve/resolv.conf';
/** What Docker falls back to when a default bridge would be left without any. */
const fallbackServers = { 4: ['8.8.8.8', '8.8.4.4'], 6: ['2001:4860:4860::8888', '2001:4860:4860::8844'] };

/** Comments, unknown words and servers that are no address are dropped. */
export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.startsWith(';')) continue;
    const [word, ...values] = line.trim().split(/\s+/);
    if (values.length === 0) continue;
    if (word === 'nameserver' && isIP(values[0]!.split('%')[0]!)) conf.servers.push(values[0]!);
    else if (word === 'search' || word === 'domain') conf.search = values;
    else if (word === 'options') conf.options.push(...values);
  }
  return conf;
}

/** The host's settings; those behind systemd-resolved when only its stub is configured. */
export async function readHostResolvConf(path = hostPath, behindStub = resolvedPath): Promise<ResolvConf> {
  const read = async (file: string) => parseResolvConf(await readFile(file, 'utf8').catch(() => ''));
  const conf = await read(path);
  if (conf.servers.length !== 1 || conf.servers[0] !== resolvedStub) return conf;
  const behind = await read(behindStub);
  return behind.servers.length > 0 ? behind : conf;
}

export interface ContainerResolvConf {
  /** Of the file. */
  content: string;
  /** For the embedded DNS: where to forward. */
  servers: string[];
  ndots: boolean;
}

const isLoopback = (server: string): boolean => server.startsWith('127.') || server === '::1';
const isVersion6 = (server: string): boolean => server.includes(':');
/** MAXNS of resolv.conf(5). */
const serverLimit = 3;

/**
 * Builds a container's file (libnetwork: TransformForIntNS, TransformForLegacyNw).
 *
 * On a user-defined network the embedded DNS is the only server; elsewhere the host's servers stand there, without
 * those only the host itself can reach.
 */
export function buildResolvConf(
  host: ResolvConf,
  request: {
    embedded: boolean;
    ipv6: boolean;
    dns: { servers: readonly string[]; search: readonly string[]; options: readonly string[] };
  },
): ContainerResolvConf {
  const { embedded, ipv6, dns } = request;
  const search = dns.search.length > 0 ? dns.search.filter((domain) => domain !== '.') : host.search;
  const options = [...(dns.options.length > 0 ? dns.options : host.options)];
  const hasNdots = options.some((option) => /^ndots:\d+$/.test(option));
  const given = dns.servers.length > 0 ? [...dns.servers] : host.servers;
  const upstream = given.filter((server) => server !== resolverAddress).slice(0, serverLimit);
  if (embedded && !hasNdots)
    options.splice(0, options.length, ...options.filter((option) => !option.startsWith('ndots')), 'ndots:0');

  let servers = [resolverAddress];
  if (!embedded) {
    servers =
      dns.servers.length > 0
        ? given
        : given.filter((server) => !isLoopback(server) && (ipv6 || !isVersion6(server)));
    if (servers.length === 0) servers = [...fallbackServers[4], ...(ipv6 ? fallbackServers[6] : [])];
  }
  const lines = servers.map((server) => `nameserver ${server}`);
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  if (options.length > 0) lines.push(`options ${options.join(' ')}`);
  return { content: `${lines.join('\n')}\n`, servers: upstream, ndots: hasNdots };
}
