// ICMP (RFC 792, RFC 1191 §4 for the next-hop MTU). In: the bytes after the IPv4 header. May import: storage, checksum.
import { load16, store16 } from '../storage/bytes';
import { checksumIsValid, checksumOf, sumBytes } from './checksum';

export const ICMP_HEADER_BYTES: u32 = 8;
export const ICMP_ECHO_REPLY: u32 = 0;
export const ICMP_DESTINATION_UNREACHABLE: u32 = 3;
export const ICMP_ECHO_REQUEST: u32 = 8;
export const ICMP_TIME_EXCEEDED: u32 = 11;
export const ICMP_PARAMETER_PROBLEM: u32 = 12;
export const CODE_PROTOCOL_UNREACHABLE: u32 = 2;
export const CODE_PORT_UNREACHABLE: u32 = 3;
export const CODE_FRAGMENTATION_NEEDED: u32 = 4;
export const CODE_REASSEMBLY_TIME_EXCEEDED: u32 = 1;

/** Length and checksum. */
export function icmpCheck(message: usize, length: u32): bool {
  return length >= ICMP_HEADER_BYTES && checksumIsValid(sumBytes(message, length));
}

export function icmpType(message: usize): u32 {
  return <u32>load<u8>(message);
}

export function icmpCode(message: usize): u32 {
  return <u32>load<u8>(message, 1);
}

export function icmpNextHopMtu(message: usize): u32 {
  return load16(message + 6);
}

/** Whether a type is an error that quotes a packet (RFC 1122 §3.2.2). */
export function icmpIsError(type: u32): bool {
  return (
    type == ICMP_DESTINATION_UNREACHABLE ||
    type == 4 ||
    type == 5 ||
    type == ICMP_TIME_EXCEEDED ||
    type == ICMP_PARAMETER_PROBLEM
  );
}

/** Writes type, code and (from what is already in place after them) the checksum over `length` bytes. */
export function icmpEmit(message: usize, type: u32, code: u32, length: u32): void {
  store16(message, (type << 8) | code);
  store16(message + 2, 0);
  store<u16>(message, checksumOf(sumBytes(message, length)), 2);
}
