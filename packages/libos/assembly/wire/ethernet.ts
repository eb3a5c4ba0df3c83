// Ethernet II framing (RFC 894, IEEE 802.3 §3). In: the address of a frame, out: its fields. May import: storage.
import { load16, load48, store16, store48 } from '../storage/bytes';

export const ETHERNET_HEADER_BYTES: u32 = 14;
export const ETHERTYPE_IPV4: u32 = 0x0800;
export const ETHERTYPE_ARP: u32 = 0x0806;
export const BROADCAST_MAC: u64 = 0xffffffffffff;
/** 01:00:5e, the prefix of IPv4 multicast (RFC 1112 §6.4). */
const IPV4_MULTICAST_MAC: u64 = 0x01005e000000;

export function ethernetDestination(frame: usize): u64 {
  return load48(frame);
}

export function ethernetSource(frame: usize): u64 {
  return load48(frame + 6);
}

export function ethernetType(frame: usize): u32 {
  return load16(frame + 12);
}

export function ethernetEmit(frame: usize, destination: u64, source: u64, type: u32): void {
  store48(frame, destination);
  store48(frame + 6, source);
  store16(frame + 12, type);
}

/** Group bit: broadcast or multicast. */
export function macIsGroup(mac: u64): bool {
  return (mac & 0x010000000000) != 0;
}

/** MAC address of an IPv4 multicast group. */
export function macOfMulticast(group: u32): u64 {
  return IPV4_MULTICAST_MAC | <u64>(group & 0x7fffff);
}
