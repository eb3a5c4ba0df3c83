/**
 * The decisions of a DHCP server (RFC 2131 §4.3) over one network: which client gets which address.
 *
 * In: requests. Out: replies; leases by hardware address. May import: addresses, messages.
 */
import { type Network, parseIpv4 } from './address.js';
import { type DhcpRequest, emitDhcpReply, messageTypes, parseDhcpRequest } from './dhcp-message.js';

export interface DhcpServerOptions {
  network: Network;
  /** The server's own address: router and DNS server at once. */
  gateway: number;
  search: readonly string[];
  mtuBytes: number;
  leaseSeconds: number;
  /** Addresses never leased besides network, gateway and broadcast. */
  reserved?: readonly number[];
  nowMs?: () => number;
}

export interface Lease {
  address: number;
  hostName: string | undefined;
  expiresMs: number;
  /** False while only offered. */
  bound: boolean;
}

export interface DhcpServer {
  /** The reply to a UDP payload, or undefined when it calls for none. */
  answer(message: Uint8Array): Uint8Array | undefined;
  /** Live leases by hardware address (`02:00:…`). */
  readonly leases: ReadonlyMap<string, Lease>;
  /** The address of the client that gave this host name. */
  addressOf(hostName: string): number | undefined;
  /** Called when a lease is bound. */
  onLease: (mac: string, lease: Lease) => void;
}

/** An offer not taken up is free again after this long. */
const offerMs = 30_000;
/** Host names that may become DNS names (RFC 1123 §2.1). */
const hostNamePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

const hardwareKey = (address: Uint8Array): string =>
  Buffer.from(address)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:');

/** Makes a server without I/O. At most as many leases as the network has addresses. */
export function createDhcpServer(options: DhcpServerOptions): DhcpServer {
  const { network, gateway, nowMs = Date.now } = options;
  const broadcast = (network.base | ~network.mask) >>> 0;
  const reserved = new Set([network.base, gateway, broadcast, ...(options.reserved ?? [])]);
  const leases = new Map<string, Lease>();
  /** Addresses a client found in use (DHCPDECLINE) until when. */
  const declined = new Map<number, number>();

  function holder(address: number): string | undefined {
    for (const [key, lease] of leases) if (lease.address === address && lease.expiresMs > nowMs()) return key;
    return undefined;
  }

  function leasable(address: number, key: string): boolean {
    if ((address & network.mask) >>> 0 !== network.base || reserved.has(address)) return false;
    if ((declined.get(address) ?? 0) > nowMs()) return false;
    const by = holder(address);
    return by === undefined || by === key;
  }

  /** The client's old address, else the one it asks for, else the lowest free one (RFC 2131 §4.3.1). */
  function choose(request: DhcpRequest, key: string): number | undefined {
    for (const address of [leases.get(key)?.address, request.requestedAddress])
      if (address !== undefined && leasable(address, key)) return address;
    for (let address = network.base + 2; address < broadcast; address++)
      if (leasable(address, key)) return address;
    return undefined;
  }

  function store(key: string, address: number, hostName: string | undefined, bound: boolean): Lease {
    for (const [other, lease] of leases)
      if (lease.expiresMs <= nowMs() || lease.address === address) leases.delete(other);
    const name = hostName?.toLowerCase();
    const lease = {
      address,
      hostName: name !== undefined && hostNamePattern.test(name) ? name : undefined,
      expiresMs: nowMs() + (bound ? options.leaseSeconds * 1000 : offerMs),
      bound,
    };
    leases.set(key, lease);
    return lease;
  }

  const parameters = {
    seconds: options.leaseSeconds,
    mask: network.mask,
    broadcast,
    router: gateway,
    dnsServers: [gateway],
    search: options.search,
    mtuBytes: options.mtuBytes,
  };

  function answer(message: Uint8Array): Uint8Array | undefined {
    const request = parseDhcpRequest(message);
    if (request === undefined) return undefined;
    const key = hardwareKey(request.hardwareAddress);
    const reply = (type: number, yourAddress: number): Uint8Array =>
      emitDhcpReply(message, {
        type,
        yourAddress,
        serverIdentifier: gateway,
        ...(type === messageTypes.nak ? {} : { lease: parameters }),
      });
    const forUs = request.serverIdentifier === undefined || request.serverIdentifier === gateway;
    switch (request.type) {
      case messageTypes.discover: {
        const address = choose(request, key);
        if (address === undefined) return undefined;
        if (leases.get(key)?.bound !== true) store(key, address, request.hostName, false);
        return reply(messageTypes.offer, address);
      }
      case messageTypes.request: {
        if (!forUs) {
          if (leases.get(key)?.bound === false) leases.delete(key);
          return undefined;
        }
        const address = request.requestedAddress ?? request.clientAddress;
        if (!leasable(address, key)) return reply(messageTypes.nak, 0);
        server.onLease(key, store(key, address, request.hostName, true));
        return reply(messageTypes.ack, address);
      }
      case messageTypes.inform:
        return reply(messageTypes.ack, 0);
      case messageTypes.decline:
        // Only the address that the client was given (RFC 2131 §4.3.3): nobody empties the pool by declining all of it.
        if (request.requestedAddress === undefined || leases.get(key)?.address !== request.requestedAddress)
          return undefined;
        declined.set(request.requestedAddress, nowMs() + options.leaseSeconds * 1000);
        leases.delete(key);
        return undefined;
      case messageTypes.release:
        if (leases.get(key)?.address === request.clientAddress) leases.delete(key);
        return undefined;
      default:
        return undefined;
    }
  }

  const server: DhcpServer = {
    answer,
    leases,
    addressOf(hostName) {
      const address = parseIpv4(hostName);
      if (address !== undefined) return address;
      for (const lease of leases.values())
        if (lease.bound && lease.hostName === hostName && lease.expiresMs > nowMs()) return lease.address;
      return undefined;
    },
    onLease() {},
  };
  return server;
}
