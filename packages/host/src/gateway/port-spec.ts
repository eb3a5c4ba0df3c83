/**
 * Published ports as they are written: `[HOSTIP:]HOST:GUEST[/tcp|/udp]`.
 *
 * In: text. Out: values. May import: errors.
 */
import { isIP } from 'node:net';
import { HostError } from '../errors.js';

export interface PublishedPort {
  /** Undefined: every address of the host, IPv4 and IPv6. */
  hostAddress: string | undefined;
  /** 0: any free port. */
  hostPort: number;
  guestPort: number;
  protocol: 'tcp' | 'udp';
}

const shape = /^(?:(\[[^\]]+\]|[^:[\]]+):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/;

/** Parses one specification; throws `bad-port` with an example of how to write it. */
export function parsePort(text: string): PublishedPort {
  const bad = (what: string): HostError =>
    new HostError(
      'bad-port',
      `cannot publish ${text}: ${what}; write -p [HOSTIP:]HOST:GUEST[/udp], for example -p 8080:8080`,
    );
  if (/^\d+(\/(tcp|udp))?$/.test(text)) throw bad('the port of the guest is missing');
  const match = shape.exec(text);
  if (match === null) throw bad('not a pair of ports');
  const [, address, host, guest, protocol] = match;
  const hostAddress = address?.replace(/^\[|\]$/g, '');
  if (hostAddress !== undefined && isIP(hostAddress) === 0) throw bad(`${hostAddress} is not an IP address`);
  const hostPort = Number(host);
  const guestPort = Number(guest);
  if (hostPort > 65_535) throw bad(`port ${hostPort} is above 65535`);
  if (guestPort < 1 || guestPort > 65_535) throw bad(`the guest has no port ${guestPort}`);
  return { hostAddress, hostPort, guestPort, protocol: protocol === 'udp' ? 'udp' : 'tcp' };
}

/** `127.0.0.1:8080` or `[::1]:8080`; `*` stands for every address. */
export function formatEndpoint(address: string | undefined, port: number): string {
  if (address === undefined) return `*:${port}`;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
