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

const OPTION_END: u32 = 0;
const OPTION_NOP: u32 = 1;
const OPTION_RECORD_ROUTE: u32 = 7;
const OPTION_TIMESTAMP: u32 = 68;
const OPTION_LOOSE_SOURCE_ROUTE: u32 = 131;
const OPTION_STRICT_SOURCE_ROUTE: u32 = 137;

/** Version, header length, total length within `length`, header checksum, options. Trailing bytes are padding. */
export function ipv4Check(packet: usize, length: u32): bool {
  if (length < IPV4_HEADER_BYTES || load<u8>(packet) >> 4 != 4) return false;
  const header = ipv4HeaderBytes(packet);
  const total = ipv4TotalLength(packet);
  return (
    header >= IPV4_HEADER_BYTES &&
    total >= header &&
    total <= length &&
    checksumIsValid(sumBytes(packet, header)) &&
    (header == IPV4_HEADER_BYTES || optionsAreAcceptable(packet, header))
  );
}

/** Options whose lengths fit, with pointers beyond their fixed part; no source routes, which only serve to get around filters. */
function optionsAreAcceptable(packet: usize, header: u32): bool {
  let at = IPV4_HEADER_BYTES;
  while (at < header) {
    const option = <u32>load<u8>(packet + <usize>at);
    if (option == OPTION_END) return true;
    if (option == OPTION_NOP) {
      at++;
      continue;
    }
    if (option == OPTION_LOOSE_SOURCE_ROUTE || option == OPTION_STRICT_SOURCE_ROUTE) return false;
    const fixed: u32 = option == OPTION_RECORD_ROUTE ? 3 : option == OPTION_TIMESTAMP ? 4 : 2;
    if (at + fixed > header) return false;
    const length = <u32>load<u8>(packet + <usize>at, 1);
    if (length < fixed || at + length > header) return false;
    // Pointers count from 1 and stand in the third byte.
    if (fixed > 2 && <u32>load<u8>(packet + <usize>at, 2) <= fixed) return false;
    at += length;
  }
  return true;
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

/** Addresses that no packet on a link comes from: 0/8, 127/8, groups, and 240/4 (RFC 1122 §3.2.1.3, RFC 6890). */
export function addressIsMartian(address: u32): bool {
  const network = address >> 24;
  return network == 0 || network == 127 || network >= 224;
}

/** 127.0.0.0/8 (RFC 1122 §3.2.1.3). */
export function addressIsLoopback(address: u32): bool {
  return address >> 24 == 127;
}

/** Network mask of a prefix length, 0 to 32. */
export function maskOfPrefix(prefixLength: u32): u32 {
  return prefixLength == 0 ? 0 : u32.MAX_VALUE << (32 - prefixLength);
}
