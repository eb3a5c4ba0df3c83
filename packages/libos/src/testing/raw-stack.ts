/**
 * stack.wasm driven frame by frame, virtio_net_hdr included: what comes out for what goes in.
 * In: frames. Out: frames. May import: the stack's exports.
 */
import { instantiateStack, type StackExports } from '../stack/exports.js';

export const virtioHeaderBytes = 12;

export interface RawStack {
  readonly exports: StackExports;
  /** Frames sent since the last call, with their virtio_net_hdr, by device. */
  taken(device?: number): Uint8Array[];
  /** Gives frames (with virtio_net_hdr) to a device and lets a turn pass. */
  give(frames: Uint8Array[], device?: number): void;
  /** Lets time pass and a turn after it. */
  pass(milliseconds: number): void;
  /** From now on the device refuses frames, or takes them again. */
  block(blocked: boolean): void;
}

export async function createRawStack(): Promise<RawStack> {
  let nowNs = 1_000_000_000n;
  const incoming: Uint8Array[][] = [[], [], [], []];
  const outgoing: Uint8Array[][] = [[], [], [], []];
  let isBlocked = false;
  let random = 1;
  const exports = await instantiateStack({
    parametersRead: () => 0,
    netReceive(device, frame) {
      const next = incoming[device]!.shift();
      if (next === undefined) return 0;
      frame.set(next);
      return next.length;
    },
    netTransmit(device, frame) {
      if (isBlocked) return 0;
      outgoing[device]!.push(frame.slice());
      return 1;
    },
    blockSubmit: () => 2,
    blockComplete: () => 2n ** 64n - 1n,
    consoleWrite() {},
    memoryRelease: (pages) => void pages.fill(0),
    entropyRead: (bytes) => void bytes.fill(random++),
    exit() {},
    panic(message) {
      throw new Error(Buffer.from(message).toString());
    },
  });
  exports.stackStart(nowNs, nowNs);
  const turn = (): void => {
    do exports.stackReceive(nowNs, nowNs);
    while (BigInt.asUintN(64, exports.stackFlush()) <= nowNs);
  };
  return {
    exports,
    taken: (device = 0) => outgoing[device]!.splice(0),
    give(frames, device = 0) {
      incoming[device]!.push(...frames);
      turn();
    },
    pass(milliseconds) {
      nowNs += BigInt(Math.round(milliseconds * 1e6));
      turn();
    },
    block(blocked) {
      isBlocked = blocked;
    },
  };
}

/** RFC 1071, word by word. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

export const be = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 2 ** (8 * (bytes - 1 - i))) & 255);

export interface PacketFields {
  source: number;
  destination: number;
  protocol: number;
  payload: ArrayLike<number>;
  identification?: number;
  /** DF, MF and the offset in units of eight bytes. */
  fragment?: number;
  /** Changes to the finished frame (after virtio_net_hdr). */
  edit?: (frame: Uint8Array) => void;
  destinationMac?: number;
}

export const ourMac = 0x020000000002;
export const peerMac = 0x020000000001;

/** A frame with an IPv4 packet from `peerMac` to `ourMac`, virtio_net_hdr first. */
export function ipv4Frame(fields: PacketFields): Uint8Array {
  const { source, destination, protocol, payload, identification = 1, fragment = 0 } = fields;
  const header = [0x45, 0, ...be(20 + payload.length, 2), ...be(identification, 2), ...be(fragment, 2)];
  const addresses = [...be(source, 4), ...be(destination, 4)];
  const checksum = internetChecksum(Uint8Array.from([...header, 64, protocol, 0, 0, ...addresses]));
  const frame = Uint8Array.from([
    ...new Uint8Array(virtioHeaderBytes),
    ...be(fields.destinationMac ?? ourMac, 6),
    ...be(peerMac, 6),
    8,
    0,
    ...header,
    64,
    protocol,
    ...be(checksum, 2),
    ...addresses,
    ...Array.from(payload),
  ]);
  fields.edit?.(frame.subarray(virtioHeaderBytes));
  return frame;
}

/** An ICMP message with its checksum. */
export function icmpMessage(
  type: number,
  code: number,
  rest: number,
  data: ArrayLike<number> = [],
): Uint8Array {
  const message = Uint8Array.from([type, code, 0, 0, ...be(rest, 4), ...Array.from(data)]);
  message.set(be(internetChecksum(message), 2), 2);
  return message;
}

/** A UDP datagram without a checksum. */
export function udpDatagram(
  sourcePort: number,
  destinationPort: number,
  data: ArrayLike<number>,
): Uint8Array {
  return Uint8Array.from([
    ...be(sourcePort, 2),
    ...be(destinationPort, 2),
    ...be(8 + data.length, 2),
    0,
    0,
    ...Array.from(data),
  ]);
}

/** A frame with an ARP message from `peerMac`. */
export function arpFrame(operation: number, sender: number, target: number, senderMac = peerMac): Uint8Array {
  return Uint8Array.from([
    ...new Uint8Array(virtioHeaderBytes),
    ...be(operation === 1 ? 0xffffffffffff : ourMac, 6),
    ...be(senderMac, 6),
    ...[8, 6, 0, 1, 8, 0, 6, 4],
    ...be(operation, 2),
    ...be(senderMac, 6),
    ...be(sender, 4),
    ...be(operation === 1 ? 0 : ourMac, 6),
    ...be(target, 4),
  ]);
}

export interface SentPacket {
  virtio: DataView;
  packet: DataView;
  protocol: number;
  source: number;
  destination: number;
  fragment: number;
  /** After the IPv4 header. */
  payload: Uint8Array;
}

/** The IPv4 packets among sent frames; checks their header checksums. */
export function packetsOf(frames: Uint8Array[]): SentPacket[] {
  return frames
    .filter((frame) => frame[24] === 8 && frame[25] === 0)
    .map((frame) => {
      const bytes = frame.subarray(virtioHeaderBytes + 14);
      if (internetChecksum(bytes.subarray(0, 20)) !== 0) throw new Error('wrong IPv4 header checksum');
      const packet = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (packet.getUint16(2) !== bytes.length) throw new Error('wrong total length');
      return {
        virtio: new DataView(frame.buffer, frame.byteOffset, virtioHeaderBytes),
        packet,
        protocol: bytes[9]!,
        source: packet.getUint32(12),
        destination: packet.getUint32(16),
        fragment: packet.getUint16(6),
        payload: bytes.subarray(20),
      };
    });
}
