/**
 * IP addresses and prefixes as numbers: parsing, formatting, arithmetic.
 *
 * In: text (RFC 4291, RFC 4632). Out: values, or undefined for what is none. May import: ipaddr.js.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** A block of addresses; `value` is the address as written, host bits included. */
export interface Prefix extends Address {
  readonly length: number;
}

export const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** No zone, no leading zeros, no shorthand of IPv4. */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) return undefined;
  let value = 0n;
  for (const byte of ipaddr.parse(text).toByteArray()) value = (value << 8n) | BigInt(byte);
  return { family: family as Family, value };
}

/** RFC 5952 for IPv6. */
export function formatAddress({ family, value }: Address): string {
  const bytes: number[] = [];
  for (let shift = BigInt(bitsOf(family) - 8); shift >= 0n; shift -= 8n)
    bytes.push(Number((value >> shift) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

export function parsePrefix(text: string): Prefix | undefined {
  const parts = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = parts && parseAddress(parts[1]!);
  const length = Number(parts?.[2]);
  return address && length <= bitsOf(address.family) ? { ...address, length } : undefined;
}

export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.length}`;

/** Number of addresses. */
export const sizeOf = ({ family, length }: Prefix): bigint => 1n << BigInt(bitsOf(family) - length);

/** The prefix without host bits. */
export const masked = (prefix: Prefix): Prefix => ({
  ...prefix,
  value: prefix.value - (prefix.value % sizeOf(prefix)),
});

/** The last address of the block: IPv4's broadcast. */
export const lastOf = (prefix: Prefix): Address => ({
  family: prefix.family,
  value: masked(prefix).value + sizeOf(prefix) - 1n,
});

/** Network and broadcast addresses are not for hosts, except in blocks without room for them (RFC 3021). */
export function reservedOf(subnet: Prefix): bigint[] {
  const [first, last] = [masked(subnet).value, lastOf(subnet).value];
  if (last - first <= 1n) return [];
  return subnet.family === 6 ? [first] : [first, last];
}

export const contains = (prefix: Prefix, address: Address): boolean =>
  prefix.family === address.family &&
  address.value >= masked(prefix).value &&
  address.value <= lastOf(prefix).value;

export const overlaps = (one: Prefix, other: Prefix): boolean =>
  contains(one, masked(other)) || contains(other, masked(one));
