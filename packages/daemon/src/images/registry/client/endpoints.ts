/**
 * Where a registry is spoken to: mirrors first, https before http, http only where the registry is insecure.
 *
 * In: a registry's name as references have it, the daemon's configuration. Out: endpoints to try, in order. May
 * import: errors, ipaddr.js.
 */
import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import { DaemonError } from '../../../errors.js';

/** The part of daemon.json that concerns registries. */
export interface RegistryConfig {
  /** `registry-mirrors`: URLs, for Docker Hub only. */
  readonly mirrors: readonly string[];
  /** `insecure-registries`: `host[:port]` or CIDR; loopback is always among them. */
  readonly insecureRegistries: readonly string[];
}

export interface Endpoint {
  /** Without a trailing slash. */
  readonly url: string;
  readonly mirror: boolean;
  /** Any certificate will do, and plain http. */
  readonly insecure: boolean;
}

const hubName = 'docker.io';
const hubIndex = 'index.docker.io';
const hubRegistry = 'https://registry-1.docker.io';
const alwaysInsecure = ['::1/128', '127.0.0.0/8'];

const isCidr = (value: string): boolean => ipaddr.isValidCIDR(value);

const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

/** The configuration with URLs and names brought into form. Throws DaemonError invalid in Docker's words. */
export function validateRegistryConfig(config: RegistryConfig): RegistryConfig {
  return {
    mirrors: [...new Set(config.mirrors.map(validateMirror))],
    insecureRegistries: config.insecureRegistries.map(validateInsecure),
  };
}

function validateMirror(mirror: string): string {
  const refuse = (reason: string): DaemonError => new DaemonError('invalid', `invalid mirror: ${reason}`);
  const form = "must use either 'https://' or 'http://'";
  if (!/^[^:]+:\/\//.test(mirror)) throw refuse(`no scheme specified for ${JSON.stringify(mirror)}: ${form}`);
  if (!URL.canParse(mirror)) throw refuse(`${JSON.stringify(mirror)} is not a valid URI`);
  const url = new URL(mirror);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refuse(`unsupported scheme "${url.protocol.slice(0, -1)}" in "${mirror}": ${form}`);
  if (url.search !== '' || url.hash !== '')
    throw refuse(`query or fragment at end of the URI ${JSON.stringify(mirror)}`);
  if (url.username !== '' || url.password !== '') throw refuse('username/password not allowed in URI');
  return mirror.replace(/\/$/, '');
}

function validateInsecure(name: string): string {
  const bare = name.replace(/^https?:\/\//i, '');
  if (bare.includes('://'))
    throw new DaemonError('invalid', `insecure registry ${name} should not contain '://'`);
  if (bare.startsWith('-') || bare.endsWith('-'))
    throw new DaemonError('invalid', `invalid index name (${name}). Cannot begin or end with a hyphen`);
  if (!isCidr(bare) && !hostPattern.test(bare) && !ipaddr.isValid(bare))
    throw new DaemonError('invalid', `insecure registry ${name} is not valid: invalid host "${bare}"`);
  return bare;
}

/** `host` of `host:port`, without the brackets of an IPv6 address. */
const hostOf = (name: string): string => name.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** Whether one of `addresses` lies in one of `ranges`. */
export const inRanges = (addresses: readonly string[], ranges: readonly string[]): boolean =>
  addresses.some((text) => {
    if (!ipaddr.isValid(text)) return false;
    const address = ipaddr.process(text);
    return ranges.some((range) => {
      const [network, prefix] = ipaddr.parseCIDR(range);
      return network.kind() === address.kind() && address.match(network, prefix);
    });
  });

/** Whether http and unknown certificates are accepted; a name is resolved to compare it with ranges. */
export async function isInsecure(
  name: string,
  config: RegistryConfig,
  resolve: (host: string) => Promise<readonly string[]> = resolveHost,
): Promise<boolean> {
  if (name === hubName) return false;
  if (config.insecureRegistries.includes(name)) return true;
  const ranges = [...config.insecureRegistries.filter(isCidr), ...alwaysInsecure];
  const host = hostOf(name);
  return inRanges(ipaddr.isValid(host) ? [host] : await resolve(host), ranges);
}

const resolveHost = (host: string): Promise<string[]> =>
  lookup(host, { all: true }).then(
    (found) => found.map(({ address }) => address),
    () => [],
  );

/** Endpoints of the registry `name`; mirrors are for pulls only, so that no credentials reach them by a push. */
export async function endpointsOf(
  name: string,
  config: RegistryConfig,
  purpose: 'pull' | 'push',
): Promise<Endpoint[]> {
  if (name === hubName || name === hubIndex) {
    const hub = { url: hubRegistry, mirror: false, insecure: false };
    if (purpose === 'push') return [hub];
    const mirrors = await Promise.all(
      config.mirrors.map(async (url) => ({
        url,
        mirror: true,
        insecure: await isInsecure(new URL(url).host, config),
      })),
    );
    return [...mirrors, hub];
  }
  const insecure = await isInsecure(name, config);
  const https = { url: `https://${name}`, mirror: false, insecure };
  return insecure ? [https, { ...https, url: `http://${name}` }] : [https];
}

/** This host itself and its own links, where clouds serve a host's credentials (RFC 1122, RFC 3927, RFC 4291). */
const insideRanges = ['0.0.0.0/8', '127.0.0.0/8', '::1/128', '169.254.0.0/16', 'fe80::/10'];

const isInside = ({ hostname }: URL): boolean =>
  /^(?:.*\.)?localhost$/i.test(hostname) || inRanges([hostname.replace(/^\[(.*)\]$/, '$1')], insideRanges);

/** Whether a registry outside sends us (by a redirect or a token's realm) to an address inside of this host. */
export const leadsInside = (endpoint: string, url: string): boolean =>
  isInside(new URL(url)) && !isInside(new URL(endpoint));
