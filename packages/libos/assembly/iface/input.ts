// One frame in, at most one datagram out. In: a device number. Out: the variables of `datagram.ts`; ARP and ICMP are
// answered here. May import: device, wire, and the rest of this folder.
import { deviceReceive, receivedFlags, receivedFrame } from '../device/device';
import { nowNs } from '../time/clock';
import {
  ARP_REQUEST,
  arpCheck,
  arpOperation,
  arpSenderHardware,
  arpSenderProtocol,
  arpTargetProtocol,
} from '../wire/arp';
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ethernetDestination,
  ethernetSource,
  ethernetType,
  macIsGroup,
} from '../wire/ethernet';
import { CODE_PROTOCOL_UNREACHABLE } from '../wire/icmpv4';
import {
  addressIsLoopback,
  addressIsMartian,
  ipv4Check,
  ipv4Destination,
  ipv4FlagsAndOffset,
  ipv4HeaderBytes,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
} from '../wire/ipv4';
import { VIRTIO_DATA_VALID, VIRTIO_NEEDS_CSUM } from '../wire/virtio-net';
import { arpAnnounce, arpReply } from './arp-output';
import { datagramClear, datagramProtocol, datagramSet, datagramSetOrigin } from './datagram';
import { fragmentAdd, reassembledLength, reassembledPacket } from './fragments';
import { icmpInput, icmpSendUnreachable } from './icmp';
import { INTERFACE_LIMIT, Interface, interfaceAt, isBroadcastOn, isOwnAddress } from './interface';
import { ipv4SendWaiting } from './ipv4-output';
import {
  loopbackDestination,
  loopbackLength,
  loopbackPayload,
  loopbackProtocol,
  loopbackSource,
  loopbackTake,
} from './loopback';
import { neighbourLearn } from './neighbours';

/** The number of the loopback "device" for `receiveFrame`. */
export const LOOPBACK_DEVICE: u32 = INTERFACE_LIMIT;
/** Ports of DHCP (RFC 2131 §4.1): all that is exchanged without an address. */
const DHCP_SERVER_PORT: u32 = 67;
const DHCP_CLIENT_PORT: u32 = 68;
const LIMITED_BROADCAST: u32 = 0xffffffff;
/** RFC 5227 §1.1. */
const DEFEND_INTERVAL_NS: u64 = 10_000_000_000;
/** All hosts on this link (RFC 1112 §4). */
const ALL_HOSTS: u32 = 0xe0000001;

/** Takes one frame from `device` (0 to 3, or LOOPBACK_DEVICE); false when none was waiting. */
export function receiveFrame(device: u32): bool {
  datagramClear();
  if (device == LOOPBACK_DEVICE) return receiveLoopback();
  const length = deviceReceive(device);
  if (length == 0) return false;
  const iface = interfaceAt(device);
  if (length < ETHERNET_HEADER_BYTES || !iface.present) return true;
  const destination = ethernetDestination(receivedFrame);
  if (destination != iface.mac && !macIsGroup(destination)) return true;
  const packet = receivedFrame + <usize>ETHERNET_HEADER_BYTES;
  const type = ethernetType(receivedFrame);
  if (type == ETHERTYPE_IPV4) ipv4Input(iface, packet, length - ETHERNET_HEADER_BYTES);
  else if (type == ETHERTYPE_ARP) arpInput(iface, packet, length - ETHERNET_HEADER_BYTES);
  return true;
}

function receiveLoopback(): bool {
  if (!loopbackTake()) return false;
  datagramSet(loopbackProtocol, loopbackSource, loopbackDestination, loopbackPayload, loopbackLength, 0);
  datagramSetOrigin(LOOPBACK_DEVICE, false, true);
  deliver(false);
  return true;
}

/** RFC 826, "Packet Reception". */
function arpInput(iface: Interface, packet: usize, length: u32): void {
  if (!arpCheck(packet, length)) return;
  const sender = arpSenderProtocol(packet);
  const mac = arpSenderHardware(packet);
  const target = arpTargetProtocol(packet);
  if (mac == iface.mac) return;
  if (sender != 0 && sender == iface.address) defend(iface);
  if (sender != 0 && isImpossibleSource(iface, sender)) return;
  const ours = target != 0 && target == iface.address;
  // A probe (RFC 5227 §2.1.1, sender 0) asks whether an address is free: only its owner answers that.
  const answer = ours || (iface.answersAnyArp && sender != 0 && target != sender && target != 0);
  // From a probe there is nothing to learn.
  if (sender != 0) {
    // An answer that was not asked for adds nobody.
    const waiting = neighbourLearn(iface.index, sender, mac, answer && arpOperation(packet) == ARP_REQUEST);
    if (waiting != 0) ipv4SendWaiting(iface.index, mac, waiting);
  }
  if (answer && arpOperation(packet) == ARP_REQUEST) arpReply(iface.index, target, mac, sender);
}

/**
 * Another host claims our address: one claim is answered with our own; a second one within DEFEND_INTERVAL is a conflict
 * (RFC 5227 §2.4 b).
 */
function defend(iface: Interface): void {
  if (iface.defendedNs != 0 && nowNs < iface.defendedNs + DEFEND_INTERVAL_NS) {
    iface.conflict = true;
    return;
  }
  iface.defendedNs = nowNs;
  arpAnnounce(iface.index);
}

/** Addresses that no neighbour can send from: martians, the link's broadcast, and our own. */
function isImpossibleSource(iface: Interface, source: u32): bool {
  return addressIsMartian(source) || isBroadcastOn(iface, source) || isOwnAddress(source);
}

/** 0.0.0.0 is the source of a host that asks for an address, and of nothing else (RFC 1122 §3.2.1.3 a). */
function isInitialisation(packet: usize): bool {
  return (
    ipv4Source(packet) == 0 &&
    ipv4Destination(packet) == LIMITED_BROADCAST &&
    isUdpTo(packet, DHCP_SERVER_PORT)
  );
}

function ipv4Input(iface: Interface, packet: usize, length: u32): void {
  if (!ipv4Check(packet, length)) return;
  const destination = ipv4Destination(packet);
  const broadcast = isBroadcastOn(iface, destination) || destination == ALL_HOSTS;
  if (isImpossibleSource(iface, ipv4Source(packet)) && !isInitialisation(packet)) return;
  // A unicast packet in a broadcast frame is not ours to answer (RFC 1122 §3.3.6).
  if (!broadcast && macIsGroup(ethernetDestination(receivedFrame))) return;
  if (iface.address == 0) {
    // A DHCP server sends to the address that it offers, whatever that is (RFC 2131 §4.1).
    if (!isUdpTo(packet, DHCP_CLIENT_PORT)) return;
  } else if (!broadcast && !isOwnAddress(destination)) {
    if (!iface.anyAddress || addressIsMartian(destination)) return;
  }
  if (addressIsLoopback(destination)) return;
  let vouched = (receivedFlags & (VIRTIO_NEEDS_CSUM | VIRTIO_DATA_VALID)) != 0;
  if ((ipv4FlagsAndOffset(packet) & 0x3fff) != 0) {
    if (!fragmentAdd(packet)) return;
    packet = reassembledPacket;
    length = reassembledLength;
    vouched = false;
  } else length = ipv4TotalLength(packet);
  const header = ipv4HeaderBytes(packet);
  datagramSet(
    <u8>ipv4Protocol(packet),
    ipv4Source(packet),
    destination,
    packet + <usize>header,
    length - header,
    packet,
  );
  datagramSetOrigin(iface.index, broadcast, vouched);
  deliver(iface.anyAddress);
}

function isUdpTo(packet: usize, port: u32): bool {
  const header = ipv4HeaderBytes(packet);
  return (
    ipv4Protocol(packet) == PROTOCOL_UDP &&
    ipv4TotalLength(packet) >= header + 8 &&
    (ipv4FlagsAndOffset(packet) & 0x1fff) == 0 &&
    <u32>bswap<u16>(load<u16>(packet + <usize>header, 2)) == port
  );
}

/** ICMP ends here, TCP and UDP continue, anything else is unreachable (RFC 1122 §3.2.2.1). */
function deliver(any: bool): void {
  const protocol = <u32>datagramProtocol;
  if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) return;
  if (protocol == PROTOCOL_ICMP) icmpInput(any);
  else icmpSendUnreachable(CODE_PROTOCOL_UNREACHABLE);
  datagramSet(0, 0, 0, 0, 0, 0);
}

export * from './datagram';
