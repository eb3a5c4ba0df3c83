// UDP header (RFC 768). In: the bytes after the IPv4 header, out: fields. May import: storage.
import { load16, store16 } from '../storage/bytes';

export const UDP_HEADER_BYTES: u32 = 8;
export const UDP_CHECKSUM_OFFSET: i32 = 6;

/** Length field between the header's and what the packet carries. */
export function udpCheck(datagram: usize, length: u32): bool {
  return (
    length >= UDP_HEADER_BYTES && udpLength(datagram) >= UDP_HEADER_BYTES && udpLength(datagram) <= length
  );
}

export function udpSourcePort(datagram: usize): u32 {
  return load16(datagram);
}

export function udpDestinationPort(datagram: usize): u32 {
  return load16(datagram + 2);
}

export function udpLength(datagram: usize): u32 {
  return load16(datagram + 4);
}

/** Checksum as stored; 0 means that the sender computed none. */
export function udpChecksum(datagram: usize): u32 {
  return load16(datagram + 6);
}

/** Writes the header with a checksum of 0, to be completed below. */
export function udpEmit(datagram: usize, sourcePort: u32, destinationPort: u32, length: u32): void {
  store16(datagram, sourcePort);
  store16(datagram + 2, destinationPort);
  store16(datagram + 4, length);
  store16(datagram + 6, 0);
}
