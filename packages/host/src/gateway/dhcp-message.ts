/**
 * DHCP messages (RFC 2131 §2, options of RFC 2132, RFC 3397) as values.
 *
 * In: UDP payloads. Out: what a server needs of a request, the bytes of a reply. May import: nothing.
 */

export const dhcpServerPort = 67;
export const dhcpClientPort = 68;

/** RFC 2132 §9.6. */
export const messageTypes = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

/** Option codes: RFC 2132, RFC 3397 (search). */
const options = {
  subnetMask: 1,
  router: 3,
  domainNameServer: 6,
  hostName: 12,
  interfaceMtu: 26,
  broadcastAddress: 28,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverIdentifier: 54,
  domainSearch: 119,
  pad: 0,
  end: 255,
} as const;

const fixedBytes = 236;
const magicCookie = 0x63825363;
/** A reply shorter than a BOOTP message is padded for old relays (RFC 1542 §2.1). */
const minimumBytes = 300;

export interface DhcpRequest {
  type: number;
  transaction: number;
  /** `ciaddr`: the address the client already uses, or 0. */
  clientAddress: number;
  hardwareAddress: Uint8Array;
  requestedAddress: number | undefined;
  serverIdentifier: number | undefined;
  hostName: string | undefined;
}

/** What a reply says besides echoing the request. */
export interface DhcpReply {
  type: number;
  yourAddress: number;
  serverIdentifier: number;
  lease?: {
    seconds: number;
    mask: number;
    broadcast: number;
    router: number;
    dnsServers: readonly number[];
    search: readonly string[];
    mtuBytes: number;
  };
}

/** Parses a BOOTREQUEST over Ethernet; undefined for anything else. */
export function parseDhcpRequest(bytes: Uint8Array): DhcpRequest | undefined {
  if (bytes.length < fixedBytes + 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const [op, hardwareType, hardwareLength] = bytes;
  if (op !== 1 || hardwareType !== 1 || hardwareLength !== 6) return undefined;
  if (view.getUint32(fixedBytes) !== magicCookie) return undefined;
  const request: DhcpRequest = {
    type: 0,
    transaction: view.getUint32(4),
    clientAddress: view.getUint32(12),
    hardwareAddress: new Uint8Array(bytes.subarray(28, 34)),
    requestedAddress: undefined,
    serverIdentifier: undefined,
    hostName: undefined,
  };
  for (let at = fixedBytes + 4; at < bytes.length; ) {
    const code = bytes[at]!;
    if (code === options.end) break;
    if (code === options.pad) {
      at++;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    const start = at + 2;
    at = start + length;
    if (at > bytes.length) return undefined;
    if (code === options.messageType && length === 1) request.type = bytes[start]!;
    else if (code === options.requestedAddress && length === 4)
      request.requestedAddress = view.getUint32(start);
    else if (code === options.serverIdentifier && length === 4)
      request.serverIdentifier = view.getUint32(start);
    else if (code === options.hostName)
      request.hostName = Buffer.from(bytes.subarray(start, at)).toString('latin1');
  }
  return request.type === 0 ? undefined : request;
}

/** Names as RFC 1035 §3.1 labels, uncompressed, one after the other. */
function encodeNames(names: readonly string[]): number[] {
  return names.flatMap((name) => [
    ...name
      .split('.')
      .filter((label) => label !== '')
      .flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]),
    0,
  ]);
}

const be = (value: number, size: 2 | 4): number[] =>
  size === 2
    ? [value >>> 8, value & 255]
    : [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];

/** Emits the reply to the request whose bytes are `request`. */
export function emitDhcpReply(request: Uint8Array, reply: DhcpReply): Uint8Array {
  const encoded: number[] = [];
  const option = (code: number, value: number[]): void => {
    if (value.length > 0 && value.length <= 255) encoded.push(code, value.length, ...value);
  };
  option(options.messageType, [reply.type]);
  option(options.serverIdentifier, be(reply.serverIdentifier, 4));
  const { lease } = reply;
  if (lease !== undefined) {
    option(options.leaseTime, be(lease.seconds, 4));
    option(options.subnetMask, be(lease.mask, 4));
    option(options.broadcastAddress, be(lease.broadcast, 4));
    option(options.router, be(lease.router, 4));
    option(
      options.domainNameServer,
      lease.dnsServers.flatMap((server) => be(server, 4)),
    );
    option(options.interfaceMtu, be(lease.mtuBytes, 2));
    option(options.domainSearch, encodeNames(lease.search));
  }
  encoded.push(options.end);
  const bytes = new Uint8Array(Math.max(minimumBytes, fixedBytes + 4 + encoded.length));
  const view = new DataView(bytes.buffer);
  bytes.set([2, 1, 6, 0]);
  bytes.set(request.subarray(4, 8), 4);
  bytes.set(request.subarray(10, 12), 10);
  view.setUint32(16, reply.yourAddress);
  view.setUint32(20, reply.serverIdentifier);
  bytes.set(request.subarray(24, 44), 24);
  view.setUint32(fixedBytes, magicCookie);
  bytes.set(encoded, fixedBytes + 4);
  return bytes;
}
