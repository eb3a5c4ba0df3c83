/**
 * A device that records every frame as a pcapng file (draft-ietf-opsawg-pcapng) with nanosecond timestamps.
 *
 * In: a device, a place for bytes, a clock. Out: a device. May import: frame-device, trace, clock.
 */
import type { Clock } from '../stack/clock.js';
import type { FrameDevice } from './frame-device.js';
import { withTrace } from './trace.js';

/** Takes the file's bytes in order. */
export type PcapWriter = (bytes: Uint8Array) => void;

const sectionHeaderBlock = 0x0a0d0d0a;
const interfaceBlock = 1;
const enhancedPacketBlock = 6;
const byteOrderMagic = 0x1a2b3c4d;
const linkTypeEthernet = 1;
/** Option if_tsresol: 10^-9 s. */
const optionTimeResolution = 9;
const nanoseconds = 9;
/** Option epb_flags: bits 0 and 1 are the direction. */
const optionFlags = 2;
const flagsInbound = 1;
const flagsOutbound = 2;

/** A block around `body`, whose length is a multiple of four. */
function block(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, bytes.length, true);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, bytes.length, true);
  return bytes;
}

/** The start of a pcapng file with one Ethernet interface. */
export function pcapHeader(): Uint8Array {
  const section = new DataView(new ArrayBuffer(16));
  section.setUint32(0, byteOrderMagic, true);
  section.setUint16(4, 1, true);
  section.setBigInt64(8, -1n, true);
  const description = new DataView(new ArrayBuffer(20));
  description.setUint16(0, linkTypeEthernet, true);
  description.setUint16(8, optionTimeResolution, true);
  description.setUint16(10, 1, true);
  description.setUint8(12, nanoseconds);
  return Buffer.concat([
    block(sectionHeaderBlock, new Uint8Array(section.buffer)),
    block(interfaceBlock, new Uint8Array(description.buffer)),
  ]);
}

/** One frame as an enhanced packet block. `timeNs`: since the epoch. */
export function pcapPacket(frame: Uint8Array, timeNs: bigint, direction: 'transmit' | 'receive'): Uint8Array {
  const padded = (frame.length + 3) & ~3;
  const body = new Uint8Array(20 + padded + 12);
  const view = new DataView(body.buffer);
  view.setUint32(4, Number(timeNs >> 32n), true);
  view.setUint32(8, Number(timeNs & 0xffffffffn), true);
  view.setUint32(12, frame.length, true);
  view.setUint32(16, frame.length, true);
  body.set(frame, 20);
  view.setUint16(20 + padded, optionFlags, true);
  view.setUint16(22 + padded, 4, true);
  view.setUint32(24 + padded, direction === 'receive' ? flagsInbound : flagsOutbound, true);
  return block(enhancedPacketBlock, body);
}

/** Writes the header at once, then every frame that passes either way. */
export function withPcap(device: FrameDevice, write: PcapWriter, clock: Clock): FrameDevice {
  write(pcapHeader());
  // The wall clock counts milliseconds; frames are told apart by the monotonic one.
  const startNs = clock.wallNs() - clock.monotonicNs();
  return withTrace(device, (direction, frame) =>
    write(pcapPacket(frame, startNs + clock.monotonicNs(), direction)),
  );
}
