/**
 * /etc/resolv.conf (resolv.conf(5)): the host's read, a container's written.
 *
 * In: text, `--dns*` options. Out: text, addresses to forward to. May import: nothing.
 */
import { isIP } from 'node:net';

export interface ResolvConf {
  servers: string[];
  search: string[];
  options: string[];
}

export function parseResolvConf(text: string): ResolvConf {
  const conf: ResolvConf = { servers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    // fe80::1%eth0: the zone is the host's, useless elsewhere.
    if (keyword === 'nameserver' && values[0] && isIP(values[0].split('%')[0]!) !== 0)
      conf.servers.push(values[0]);
    else if (keyword === 'search' || keyword === 'domain') conf.search = values;
    else if (keyword === 'options') conf.options.push(...values);
  }
  return conf;
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

/** moby/libnetwork resolvconf: what containers ask when the host knows none that they can reach. */
const fallbackServers = ['8.8.8.8', '8.8.4.4'];

const render = ({ servers, search, options }: ResolvConf): string =>
  [
    ...servers.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');

export interface DnsOptions {
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}

/** The container's settings over the host's; `--dns-search .` means none. */
function merged(host: ResolvConf, wanted: DnsOptions): ResolvConf {
  const search = wanted.search.length > 0 ? wanted.search.filter((domain) => domain !== '.') : host.search;
  return {
    servers: [...(wanted.servers.length > 0 ? wanted.servers : host.servers)],
    search: [...search],
    options: [...(wanted.options.length > 0 ? wanted.options : host.options)],
  };
}

/** `embedded`: on a user-defined network; `host`: in the host's namespace, where loopback servers answer. */
export function containerResolvConf(
  host: ResolvConf,
  wanted: DnsOptions,
  kind: 'embedded' | 'bridge' | 'host',
): string {
  const conf = merged(host, wanted);
  if (kind === 'host') return render(conf);
  if (kind === 'embedded') {
    const options = conf.options.filter(
      (option) => !option.startsWith('ndots:') || wanted.options.includes(option),
    );
    // Names of containers have no dot and must be asked first as they are.
    const ndots = options.some((option) => option.startsWith('ndots:')) ? [] : ['ndots:0'];
    return render({ ...conf, servers: ['127.0.0.11'], options: [...options, ...ndots] });
  }
  const reachable = conf.servers.filter((server) => wanted.servers.length > 0 || !isLoopback(server));
  return render({ ...conf, servers: reachable.length > 0 ? reachable : fallbackServers });
}

/** Where the embedded resolver forwards to. */
export const forwardServers = (host: ResolvConf, wanted: DnsOptions): string[] => {
  const servers = merged(host, wanted).servers;
  return servers.length > 0 ? servers : fallbackServers;
};
