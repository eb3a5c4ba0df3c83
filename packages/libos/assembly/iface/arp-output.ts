// ARP messages sent (RFC 826; RFC 5227 §2.3 announcements). In: addresses, out: frames. May import: device, wire.
import { deviceTransmit } from '../device/device';
import { ARP_BYTES, ARP_REPLY, ARP_REQUEST, arpEmit } from '../wire/arp';
import { BROADCAST_MAC, ETHERNET_HEADER_BYTES, ETHERTYPE_ARP, ethernetEmit } from '../wire/ethernet';
import { VIRTIO_NET_HEADER_BYTES, virtioEmitPlain } from '../wire/virtio-net';
import { interfaceAt } from './interface';

/** Own buffer: a request may go out while a packet stands in the transport buffer. */
const area: usize = memory.data(64, 8);
const frame: usize = area + <usize>VIRTIO_NET_HEADER_BYTES;

function send(
  iface: u32,
  to: u64,
  operation: u32,
  senderProtocol: u32,
  targetHardware: u64,
  targetProtocol: u32,
): void {
  const mac = interfaceAt(iface).mac;
  virtioEmitPlain(area);
  ethernetEmit(frame, to, mac, ETHERTYPE_ARP);
  arpEmit(
    frame + <usize>ETHERNET_HEADER_BYTES,
    operation,
    mac,
    senderProtocol,
    targetHardware,
    targetProtocol,
  );
  deviceTransmit(iface, frame, ETHERNET_HEADER_BYTES + ARP_BYTES);
}

/** Asks who has `target`: everybody when `mac` is 0, else only that neighbour (RFC 1122 §2.3.2.1). */
export function arpRequest(iface: u32, target: u32, mac: u64): void {
  send(iface, mac == 0 ? BROADCAST_MAC : mac, ARP_REQUEST, interfaceAt(iface).address, 0, target);
}

/** Asks for `target` without claiming an address oneself (RFC 5227 §2.1.1 probe). */
export function arpProbe(iface: u32, target: u32): void {
  send(iface, BROADCAST_MAC, ARP_REQUEST, 0, 0, target);
}

/** Tells everybody one's own address (RFC 5227 §2.3). */
export function arpAnnounce(iface: u32): void {
  const address = interfaceAt(iface).address;
  send(iface, BROADCAST_MAC, ARP_REQUEST, address, 0, address);
}

/** Answers that `claimed` is here. */
export function arpReply(iface: u32, claimed: u32, mac: u64, address: u32): void {
  send(iface, mac, ARP_REPLY, claimed, mac, address);
}
