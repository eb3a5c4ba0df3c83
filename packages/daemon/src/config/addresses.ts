/**
 * Settings that are addresses, subnets, domains: a wrong one ends the start, in dockerd's words, instead of being
 * left out.
 *
 * In: their texts. Out: nothing, or ConfigError. May import: errors of this folder, ipaddr.js.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { ConfigError } from './error.js';

export interface AddressSettings {
  bip?: string | undefined;
  fixedCidr?: string | undefined;
  fixedCidrV6?: string | undefined;
  defaultGateway?: string | undefined;
  /** Name of the option → address. */
  addresses: readonly (readonly [string, string])[];
  searchDomains: readonly string[];
}

/** moby opts: validateDomain. */
const domainPattern =
  /^(?=.*[a-z])[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

type Subnet = [ipaddr.IPv4 | ipaddr.IPv6, number];

function subnetOf(option: string, text: string | undefined, family: 4 | 6): Subnet | undefined {
  if (text === undefined) return undefined;
  const [address = '', length = ''] = text.split('/');
  const bits = family === 4 ? 32 : 128;
  if (isIP(address) !== family || !/^\d{1,3}$/.test(length) || Number(length) > bits)
    throw new ConfigError(`parse ${option} failed: invalid CIDR address: ${text}`);
  return [ipaddr.parse(address), Number(length)];
}

export function checkAddresses(settings: AddressSettings): void {
  for (const [option, text] of settings.addresses)
    if (isIP(text) === 0)
      throw new ConfigError(`invalid value for ${option}: IP address is not correctly formatted: ${text}`);
  for (const domain of settings.searchDomains)
    if (domain !== '.' && (!domainPattern.test(domain) || domain.length > 254))
      throw new ConfigError(`invalid value for dns-search: ${domain} is not a valid domain`);
  const own = subnetOf('bip', settings.bip, 4);
  const fixed = subnetOf('fixed-cidr', settings.fixedCidr, 4);
  subnetOf('fixed-cidr-v6', settings.fixedCidrV6, 6);
  if (own && fixed && !(fixed[0].match(own) && fixed[1] >= own[1]))
    throw new ConfigError(`fixed-cidr=${settings.fixedCidr} is outside the subnet of bip=${settings.bip}`);
  const gateway = settings.defaultGateway;
  const around = own ?? fixed;
  if (gateway !== undefined && around && !(isIP(gateway) === 4 && ipaddr.parse(gateway).match(around)))
    throw new ConfigError(`default gateway ip must be part of the network: ${gateway}`);
}
