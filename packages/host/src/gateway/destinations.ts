/**
 * Where a guest's packet to an address goes on the host, and where it may not go.
 *
 * In: addresses. Out: addresses of the host's world. May import: addresses.
 */
import { formatIpv4, isLoopback, type Network } from './address.js';

export interface Destinations {
  /** The address to connect to for a guest's destination; undefined: refused. */
  hostAddress(destination: number): string | undefined;
  /** How a peer of the host's world looks to the guest: the opposite direction. */
  guestView(hostAddress: string, addressNumber: number): number;
}

/** 0.0.0.0/8, multicast and reserved (RFC 6890): nothing a connection leads to. */
const isUnroutable = (address: number): boolean => address >>> 24 === 0 || address >>> 24 >= 224;

/** 169.254.0.0/16 (RFC 3927): the host's own links, where clouds serve the host's credentials. */
const isLinkLocal = (address: number): boolean => address >>> 16 === 0xa9fe;

/**
 * The gateway's own address stands for the host's loopback when `hostLoopback`; the loopback network itself, link-local
 * addresses, the rest of the guests' network and what is no unicast address lead nowhere.
 */
export function createDestinations(network: Network, gateway: number, hostLoopback: boolean): Destinations {
  return {
    hostAddress(destination) {
      if (destination === gateway) return hostLoopback ? '127.0.0.1' : undefined;
      if (isLoopback(destination) || isLinkLocal(destination) || isUnroutable(destination)) return undefined;
      if ((destination & network.mask) >>> 0 === network.base) return undefined;
      return formatIpv4(destination);
    },
    guestView: (_hostAddress, addressNumber) => (isLoopback(addressNumber) ? gateway : addressNumber),
  };
}
