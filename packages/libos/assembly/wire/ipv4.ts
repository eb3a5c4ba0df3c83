// IPv4 header (RFC 791 §3.1). In: the address of a packet, out: its fields. May import: storage, checksum.
import { load16, load32, store16, store32 } from '../storage/bytes';
import { checksumIsValid, checksumOf, sumBytes } from './checksum';

export const IPV4_HEADER_BYTES: u32 = 20;
export const IPV4_LARGEST_BYTES: u32 = 65535;
export const PROTOCOL_ICMP: u32 = 1;
export const PROTOCOL_TCP: u32 = 6;
export const PROTOCOL_UDP: u32 = 17;
export const FLAG_DONT_FRAGMENT: u32 = 0x4000;
export const FLAG_MORE_FRAGMENTS: u32 = 0x2000;
/** RFC 1122 §3.2.1.7 recommends the assigned value, 64. */
const TIME_TO_LIVE: u32 = 64;

/** Version, header length, total length within `length`, header checksum. Trailing bytes are padding. */
export function ipv4Check(packet: usize, length: u32): bool {
  if (length < IPV4_HEADER_BYTES || load<u8>(packet) >> 4 != 4) return false;
  const header = ipv4HeaderBytes(packet);
  const total = ipv4TotalLength(packet);
  return (
    header >= IPV4_HEADER_BYTES &&
    total >= header &&
    total <= length &&
    checksumIsValid(sumBytes(packet, header))
  );
}

export function ipv4HeaderBytes(packet: usize): u32 {
  return (<u32>load<u8>(packet) & 15) << 2;
}

export function ipv4TotalLength(packet: usize): u32 {
  return load16(packet + 2);
}

export function ipv4Identification(packet: usize): u32 {
  return load16(packet + 4);
}

/** Flags (DF, MF) and fragment offset in units of eight bytes, as one field. */
export function ipv4FlagsAndOffset(packet: usize): u32 {
  return load16(packet + 6);
}

export function ipv4Protocol(packet: usize): u32 {
  return <u32>load<u8>(packet, 9);
}

export function ipv4Source(packet: usize): u32 {
  return load32(packet + 12);
}

export function ipv4Destination(packet: usize): u32 {
  return load32(packet + 16);
}

/** Writes a header without options, with its checksum. */
export function ipv4Emit(
  packet: usize,
  totalLength: u32,
  identification: u32,
  flagsAndOffset: u32,
  protocol: u32,
  source: u32,
  destination: u32,
): void {
  store16(packet, 0x4500);
  store16(packet + 2, totalLength);
  store16(packet + 4, identification);
  store16(packet + 6, flagsAndOffset);
  store16(packet + 8, (TIME_TO_LIVE << 8) | protocol);
  store16(packet + 10, 0);
  store32(packet + 12, source);
  store32(packet + 16, destination);
  store<u16>(packet, checksumOf(sumBytes(packet, IPV4_HEADER_BYTES)), 10);
}

/** 224.0.0.0/4 (RFC 1112 §4). */
export function addressIsMulticast(address: u32): bool {
  return address >> 28 == 14;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3). */
export function addressIsLoopback(address: u32): bool {
  return address >> 24 == 127;
}

/** Network mask of a prefix length, 0 to 32. */
export function maskOfPrefix(prefixLength: u32): u32 {
  return prefixLength == 0 ? 0 : u32.MAX_VALUE << (32 - prefixLength);
}
