// ARP for IPv4 over Ethernet (RFC 826). In: the bytes after the Ethernet header, out: fields. May import: storage.
import { load16, load32, load48, store16, store32, store48 } from '../storage/bytes';

export const ARP_BYTES: u32 = 28;
export const ARP_REQUEST: u32 = 1;
export const ARP_REPLY: u32 = 2;

/** ar$hrd 1, ar$pro 0x0800, ar$hln 6, ar$pln 4, a known opcode and a usable sender hardware address. */
export function arpCheck(packet: usize, length: u32): bool {
  if (length < ARP_BYTES) return false;
  if (load16(packet) != 1 || load16(packet + 2) != 0x0800 || load16(packet + 4) != 0x0604) return false;
  const operation = arpOperation(packet);
  const sender = arpSenderHardware(packet);
  return (
    (operation == ARP_REQUEST || operation == ARP_REPLY) && sender != 0 && (sender & 0x010000000000) == 0
  );
}

export function arpOperation(packet: usize): u32 {
  return load16(packet + 6);
}

export function arpSenderHardware(packet: usize): u64 {
  return load48(packet + 8);
}

export function arpSenderProtocol(packet: usize): u32 {
  return load32(packet + 14);
}

export function arpTargetProtocol(packet: usize): u32 {
  return load32(packet + 24);
}

export function arpEmit(
  packet: usize,
  operation: u32,
  senderHardware: u64,
  senderProtocol: u32,
  targetHardware: u64,
  targetProtocol: u32,
): void {
  store16(packet, 1);
  store16(packet + 2, 0x0800);
  store16(packet + 4, 0x0604);
  store16(packet + 6, operation);
  store48(packet + 8, senderHardware);
  store32(packet + 14, senderProtocol);
  store48(packet + 18, targetHardware);
  store32(packet + 24, targetProtocol);
}
