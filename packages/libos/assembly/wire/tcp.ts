/**
 * TCP header (RFC 9293 §3.1). In: the address of a segment, out: its fields; or fields in, a header out. No state.
 * May import: storage.
 */
import { load16, load32, store16, store32 } from '../storage/bytes';

export const TCP_HEADER_BYTES: u32 = 20;
/** Largest header: data offset 15 words. */
export const TCP_HEADER_LIMIT_BYTES: u32 = 60;
export const TCP_CHECKSUM_OFFSET: i32 = 16;

export const FIN: u32 = 0x01;
export const SYN: u32 = 0x02;
export const RST: u32 = 0x04;
export const PSH: u32 = 0x08;
export const ACK: u32 = 0x10;
export const URG: u32 = 0x20;

/** Data offset at least 5 words and within `length`. */
export function tcpCheck(segment: usize, length: u32): bool {
  if (length < TCP_HEADER_BYTES) return false;
  const header = tcpHeaderBytes(segment);
  return header >= TCP_HEADER_BYTES && header <= length;
}

export function tcpSourcePort(segment: usize): u32 {
  return load16(segment);
}

export function tcpDestinationPort(segment: usize): u32 {
  return load16(segment + 2);
}

export function tcpSequence(segment: usize): u32 {
  return load32(segment + 4);
}

export function tcpAcknowledgment(segment: usize): u32 {
  return load32(segment + 8);
}

/** Header length in bytes, options included. */
export function tcpHeaderBytes(segment: usize): u32 {
  return (<u32>load<u8>(segment, 12) >> 4) << 2;
}

/** The control bits FIN to URG. */
export function tcpControlBits(segment: usize): u32 {
  return <u32>load<u8>(segment, 13) & 0x3f;
}

/** The window field, not scaled. */
export function tcpWindow(segment: usize): u32 {
  return load16(segment + 14);
}

/** Writes the fixed header; checksum and urgent pointer 0. `headerBytes` includes the options that follow. */
export function tcpEmit(
  segment: usize,
  sourcePort: u32,
  destinationPort: u32,
  sequence: u32,
  acknowledgment: u32,
  headerBytes: u32,
  controlBits: u32,
  window: u32,
): void {
  store16(segment, sourcePort);
  store16(segment + 2, destinationPort);
  store32(segment + 4, sequence);
  store32(segment + 8, acknowledgment);
  store16(segment + 12, (headerBytes << 10) | controlBits);
  store16(segment + 14, window);
  store32(segment + 16, 0);
}
