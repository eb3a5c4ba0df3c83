// Network interfaces: hardware address, IPv4 configuration, what their device offers.
// In: configuration. Out: records and questions about addresses. May import: wire, storage.
import { addressIsLoopback, maskOfPrefix } from '../wire/ipv4';

/** Devices and their interfaces are numbered 0 to 3. */
export const INTERFACE_LIMIT: u32 = 4;

@unmanaged
export class Interface {
  index: u32;
  /** Largest IP packet, bytes. */
  mtu: u32;
  mac: u64;
  /** NET_FEATURE_* that the device offers. */
  features: u32;
  /** Own address, host order; 0 while there is none. */
  address: u32;
  mask: u32;
  prefixLength: u32;
  /** Default gateway behind this interface; 0 none. */
  gateway: u32;
  present: bool;
  /** Gateway mode: packets for any destination address are taken as one's own. */
  anyAddress: bool;
  /** Gateway mode: ARP requests for any address (but the asker's own) are answered. */
  answersAnyArp: bool;
  /** Another host was seen using the address (RFC 5227 §2.4). */
  conflict: bool;
  /** When the address was last defended. */
  defendedNs: u64;
}

/** Bytes per record: a multiple of 8. */
const RECORD_BYTES: usize = 64;
const records: usize = memory.data(256, 8);

/** Record of an interface, present or not; `index` below INTERFACE_LIMIT. */
export function interfaceAt(index: u32): Interface {
  return changetype<Interface>(records + <usize>index * RECORD_BYTES);
}

/** Brings an interface into being without an address. `mtu` 576 to 65,535 bytes; `features`: NET_FEATURE_*. */
export function interfaceConfigure(index: u32, mac: u64, mtu: u32, features: u32): void {
  const iface = interfaceAt(index);
  iface.index = index;
  iface.mac = mac;
  iface.mtu = mtu;
  iface.features = features;
  iface.present = true;
}

/** Own address of an interface; 0 while there is none. */
export function interfaceAddress(index: u32): u32 {
  return interfaceAt(index).address;
}

/** Gateway mode; see `anyAddress` and `answersAnyArp`. */
export function interfaceSetAnyAddress(index: u32, anyAddress: bool, answersAnyArp: bool): void {
  const iface = interfaceAt(index);
  iface.anyAddress = anyAddress;
  iface.answersAnyArp = answersAnyArp;
}

/** Sets or, with address 0, takes away the IPv4 configuration; routes are the caller's (`routes.ts`). */
export function interfaceStoreAddress(index: u32, address: u32, prefixLength: u32, gateway: u32): void {
  const iface = interfaceAt(index);
  iface.address = address;
  iface.prefixLength = prefixLength;
  iface.mask = maskOfPrefix(prefixLength);
  iface.gateway = gateway;
}

/** Whether packets to `address` stay inside: one of the interfaces' addresses, or 127.0.0.0/8. */
export function isOwnAddress(address: u32): bool {
  if (address == 0) return false;
  for (let i: u32 = 0; i < INTERFACE_LIMIT; i++) if (interfaceAt(i).address == address) return true;
  return addressIsLoopback(address);
}

/** Limited broadcast, or the directed broadcast of `iface` (RFC 1122 §3.2.1.3; prefixes up to /30). */
export function isBroadcastOn(iface: Interface, address: u32): bool {
  if (address == 0xffffffff) return true;
  return iface.address != 0 && iface.prefixLength < 31 && address == (iface.address | ~iface.mask);
}

/** Whether another host has claimed the address of an interface since the last call. */
export function interfaceTakeConflict(index: u32): bool {
  const iface = interfaceAt(index);
  const conflict = iface.conflict;
  iface.conflict = false;
  return conflict;
}
