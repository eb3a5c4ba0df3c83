/**
 * A peer of the stack under test that sends and sees single TCP segments, written apart from the stack so that both
 * cannot share a mistake. It answers ARP and has no other behaviour of its own.
 *
 * In: segments as values. Out: the segments the stack sends, with their times. May import: simulation, stack.
 */
import { createSimulation, type Simulation } from '../simulation.js';
import type { Stack } from '../stack/stack.js';

export const stackAddress = 0xc0000201;
export const peerAddress = 0xc0000202;
export const stackMac = 0x020000000001;
const peerMac = 0x020000000002;

export const bits = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

export interface Segment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  ack: number;
  bits: number;
  window: number;
  payload: Uint8Array;
  mss?: number;
  scale?: number;
  sackPermitted?: boolean;
  /** [value, echo] */
  timestamps?: [number, number];
  sack?: [number, number][];
}

export interface SeenSegment extends Segment {
  /** Virtual milliseconds since the test began. */
  atMs: number;
}

/** Folded one's complement sum of big-endian 16-bit words (RFC 1071). */
export function onesComplementSum(bytes: Uint8Array, start: number): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function pseudoHeader(source: number, destination: number, length: number): number {
  return (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + 6 + length;
}

function optionsOf(segment: Partial<Segment>): number[] {
  const options: number[] = [];
  const put32 = (value: number): void =>
    void options.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
  if (segment.mss !== undefined) options.push(2, 4, segment.mss >> 8, segment.mss & 255);
  if (segment.scale !== undefined) options.push(1, 3, 3, segment.scale);
  if (segment.sackPermitted) options.push(1, 1, 4, 2);
  if (segment.timestamps !== undefined) {
    options.push(1, 1, 8, 10);
    for (const value of segment.timestamps) put32(value);
  }
  if (segment.sack !== undefined) {
    options.push(1, 1, 5, 2 + 8 * segment.sack.length);
    for (const edge of segment.sack.flat()) put32(edge);
  }
  return options;
}

/** An Ethernet frame with the segment, checksums right. */
export function buildFrame(segment: Partial<Segment>, source = peerAddress): Uint8Array {
  const options = optionsOf(segment);
  const payload = segment.payload ?? new Uint8Array(0);
  const length = 20 + options.length + payload.length;
  const frame = new Uint8Array(34 + length);
  const view = new DataView(frame.buffer);
  view.setUint16(0, stackMac / 2 ** 32);
  view.setUint32(2, stackMac % 2 ** 32);
  view.setUint16(6, peerMac / 2 ** 32);
  view.setUint32(8, peerMac % 2 ** 32);
  view.setUint16(12, 0x0800);
  view.setUint16(14, 0x4500);
  view.setUint16(16, 20 + length);
  view.setUint16(22, 0x4006);
  view.setUint32(26, source);
  view.setUint32(30, stackAddress);
  view.setUint16(24, ~onesComplementSum(frame.subarray(14, 34), 0) & 0xffff);
  view.setUint16(34, segment.sourcePort ?? 0);
  view.setUint16(36, segment.destinationPort ?? 0);
  view.setUint32(38, segment.sequence ?? 0);
  view.setUint32(42, segment.ack ?? 0);
  view.setUint16(46, ((20 + options.length) << 10) | (segment.bits ?? 0));
  view.setUint16(48, segment.window ?? 65535);
  frame.set(options, 54);
  frame.set(payload, 54 + options.length);
  view.setUint16(
    50,
    ~onesComplementSum(frame.subarray(34), pseudoHeader(source, stackAddress, length)) & 0xffff,
  );
  return frame;
}

/** The TCP segment of a frame; undefined when it carries none. Throws when a checksum is wrong; TCP's may be left to the device (`partial`). */
export function parseFrame(frame: Uint8Array, partial = false): Segment | undefined {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (view.getUint16(12) !== 0x0800 || frame[23] !== 6) return undefined;
  const total = view.getUint16(16);
  const header = (view.getUint8(46) >> 4) * 4;
  const tcp = frame.subarray(34, 14 + total);
  const pseudo = pseudoHeader(view.getUint32(26), view.getUint32(30), total - 20);
  if (onesComplementSum(frame.subarray(14, 34), 0) !== 0xffff) throw new Error('IPv4 checksum');
  if (!partial && onesComplementSum(tcp, pseudo) !== 0xffff) throw new Error('TCP checksum');
  const segment: Segment = {
    sourcePort: view.getUint16(34),
    destinationPort: view.getUint16(36),
    sequence: view.getUint32(38),
    ack: view.getUint32(42),
    bits: view.getUint8(47),
    window: view.getUint16(48),
    payload: tcp.slice(header),
  };
  for (let at = 54; at < 34 + header; ) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = view.getUint8(at + 1);
    if (kind === 2) segment.mss = view.getUint16(at + 2);
    if (kind === 3) segment.scale = view.getUint8(at + 2);
    if (kind === 4) segment.sackPermitted = true;
    if (kind === 8) segment.timestamps = [view.getUint32(at + 2), view.getUint32(at + 6)];
    if (kind === 5) {
      segment.sack = [];
      for (let block = at + 2; block < at + size; block += 8)
        segment.sack.push([view.getUint32(block), view.getUint32(block + 4)]);
    }
    at += size;
  }
  return segment;
}

function arpReply(request: Uint8Array): Uint8Array {
  const reply = request.slice(0, 42);
  const view = new DataView(reply.buffer);
  reply.copyWithin(0, 6, 12);
  view.setUint16(6, peerMac / 2 ** 32);
  view.setUint32(8, peerMac % 2 ** 32);
  view.setUint16(20, 2);
  reply.copyWithin(32, 22, 32);
  reply.copyWithin(22, 6, 12);
  reply.copyWithin(28, 38, 42);
  view.setUint32(28, (request[38]! << 24) | (request[39]! << 16) | (request[40]! << 8) | request[41]!);
  return reply;
}

export interface TcpPeer {
  simulation: Simulation;
  stack: Stack;
  /** Segments the stack has sent and the test has not looked at yet. */
  seen: SeenSegment[];
  /** Sends a segment and lets the stack answer (no virtual time passes beyond the cable's). */
  send(segment: Partial<Segment>): void;
  /** Sends any frame. */
  sendFrame(frame: Uint8Array): void;
  /** Lets time pass. */
  run(milliseconds: number): void;
  /** Takes all that was seen. */
  take(): SeenSegment[];
  /** Takes exactly one segment; throws otherwise. */
  takeOne(): SeenSegment;
}

/** One-way delay of the cable, ms. */
export const cableDelayMs = 0.001;

/** `partial`: the stack leaves checksums to its device. */
export async function createTcpPeer(seed: number, mtuBytes = 1500, partial = false): Promise<TcpPeer> {
  const simulation = createSimulation(seed);
  const [near, far] = simulation.link({ delayMs: cableDelayMs, mtuBytes });
  const startNs = simulation.nowNs();
  const seen: SeenSegment[] = [];
  far.receive = (frame) => {
    if (frame[12] === 8 && frame[13] === 6 && frame[21] === 1) far.transmit(arpReply(frame));
    const segment = parseFrame(frame, partial);
    if (segment !== undefined)
      seen.push({ ...segment, atMs: Number(simulation.nowNs() - startNs) / 1e6 - cableDelayMs });
  };
  const stack = await simulation.stack({
    interfaces: [{ device: near, mac: stackMac, ipv4: { address: stackAddress, prefixLength: 24 } }],
  });
  const run = (milliseconds: number): void => simulation.run(milliseconds);
  const take = (): SeenSegment[] => seen.splice(0);
  run(1);
  return {
    simulation,
    stack,
    seen,
    run,
    take,
    send(segment) {
      far.transmit(buildFrame(segment));
      run(4 * cableDelayMs);
    },
    sendFrame(frame) {
      far.transmit(frame);
      run(4 * cableDelayMs);
    },
    takeOne() {
      const [first, ...more] = take();
      if (first === undefined || more.length > 0)
        throw new Error(`expected one segment, saw ${first === undefined ? 0 : more.length + 1}`);
      return first;
    },
  };
}

export interface Established {
  /** Sequence number of the next byte that the peer would send, and of the next byte expected of the stack. */
  next: number;
  expected: number;
  /** Fields every segment of this connection carries. */
  base: { sourcePort: number; destinationPort: number };
}

export interface HandshakeOptions {
  port?: number;
  sourcePort?: number;
  mss?: number;
  scale?: number;
  sackPermitted?: boolean;
  /** First timestamp value; absent: no timestamps. */
  timestamp?: number;
  window?: number;
  initialSequence?: number;
}

/** Opens a connection to a listener of the stack. */
export function openTo(peer: TcpPeer, options: HandshakeOptions = {}): Established & { synAck: SeenSegment } {
  const { port = 80, sourcePort = 40000, mss = 1460, window = 65535, initialSequence = 1000 } = options;
  const base = { sourcePort, destinationPort: port };
  const syn: Partial<Segment> = { ...base, sequence: initialSequence, bits: bits.syn, window, mss };
  if (options.scale !== undefined) syn.scale = options.scale;
  if (options.sackPermitted) syn.sackPermitted = true;
  if (options.timestamp !== undefined) syn.timestamps = [options.timestamp, 0];
  peer.take();
  peer.send(syn);
  const synAck = peer.takeOne();
  const expected = (synAck.sequence + 1) >>> 0;
  const next = (initialSequence + 1) >>> 0;
  const ack: Partial<Segment> = { ...base, sequence: next, ack: expected, bits: bits.ack, window };
  if (synAck.timestamps !== undefined) ack.timestamps = [(options.timestamp ?? 0) + 1, synAck.timestamps[0]];
  peer.send(ack);
  return { next, expected, base, synAck };
}
