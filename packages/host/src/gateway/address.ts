/**
 * IPv4 addresses as numbers in host order, and networks.
 *
 * In: text. Out: numbers and back. May import: errors.
 */
import { HostError } from '../errors.js';

/** Parses dotted decimal; undefined when it is not an IPv4 address. */
export function parseIpv4(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return undefined;
  return ((parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!) >>> 0;
}

export const formatIpv4 = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

export interface Network {
  /** Network address. */
  readonly base: number;
  readonly prefixLength: number;
  readonly mask: number;
}

/** Parses `10.99.0.0/24`. Prefix lengths 8 to 29 leave room for the gateway and a few guests. */
export function parseNetwork(text: string): Network {
  const [addressText = '', prefixText = ''] = text.split('/');
  const address = parseIpv4(addressText);
  const prefixLength = /^\d{1,2}$/.test(prefixText) ? Number(prefixText) : 0;
  if (address === undefined || prefixLength < 8 || prefixLength > 29)
    throw new HostError('bad-option', `not a network: ${text}; write it like 10.99.0.0/24 (prefix 8 to 29)`);
  const mask = (0xffffffff << (32 - prefixLength)) >>> 0;
  return { base: (address & mask) >>> 0, prefixLength, mask };
}

/** The IPv4 loopback network 127.0.0.0/8 (RFC 1122 §3.2.1.3). */
export const isLoopback = (address: number): boolean => address >>> 24 === 127;
