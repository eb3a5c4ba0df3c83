/** Ethernet addresses. May import: nothing. */
import { randomBytes } from 'node:crypto';

/** Random, locally administered, unicast (IEEE 802: bits 1 and 0 of the first octet). */
export function randomMac(): string {
  const bytes = randomBytes(6);
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** `02:42:ac:11:00:02` in canonical form; undefined when it is none. */
export const parseMac = (text: string): string | undefined =>
  /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase().replaceAll('-', ':') : undefined;

/** Neither for a group (IEEE 802: the first octet's lowest bit) nor all zero: what the kernel gives an interface. */
export const isUnicast = (mac: string): boolean =>
  (Number.parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
