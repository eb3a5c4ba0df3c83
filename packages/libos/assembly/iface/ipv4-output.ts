// IPv4 output: route, neighbour, header, checksum or offload, segmentation or fragments, frame.
// In: a transport header and payload built at `transportBuffer()`. Out: frames, or a loopback datagram.
// May import: device, wire, storage.
import { deviceTransmit, transmitFrame } from '../device/device';
import { NET_FEATURE_CSUM, NET_FEATURE_HOST_TSO4 } from '../platform/index';
import { load32, store32 } from '../storage/bytes';
import { sumAdd, sumBytes, sumFold, sumPseudoHeader } from '../wire/checksum';
import {
  BROADCAST_MAC,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ethernetEmit,
  macOfMulticast,
} from '../wire/ethernet';
import {
  addressIsLoopback,
  addressIsMulticast,
  FLAG_DONT_FRAGMENT,
  FLAG_MORE_FRAGMENTS,
  IPV4_HEADER_BYTES,
  IPV4_LARGEST_BYTES,
  ipv4Emit,
  PROTOCOL_UDP,
} from '../wire/ipv4';
import {
  VIRTIO_NET_HEADER_BYTES,
  virtioEmitChecksum,
  virtioEmitPlain,
  virtioEmitSegmentation,
} from '../wire/virtio-net';
import { Interface, interfaceAt, isBroadcastOn, isOwnAddress } from './interface';
import { LOOPBACK_MTU_BYTES, loopbackPut } from './loopback';
import { neighbourFor } from './neighbours';
import { PATH_FLOW_COMMON, pathMtuLimit } from './path-mtu';
import { routeFind, routeInterface, routeNextHop } from './routes';
import { Waiting, waitingAdd, waitingDrop } from './waiting';

export const SEND_OK: u32 = 0;
export const SEND_DEVICE_FULL: u32 = 1;
export const SEND_NO_ROUTE: u32 = 2;
export const SEND_TOO_LONG: u32 = 3;

/** Bytes in front of the transport header within a frame. */
const FRAME_HEADERS_BYTES: u32 = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES;
/** TCP header fields that segmentation touches (RFC 9293 §3.1). */
const TCP_SEQUENCE_OFFSET: usize = 4;
const TCP_DATA_OFFSET: usize = 12;
const TCP_FLAGS_OFFSET: usize = 13;
const TCP_FIN_AND_PUSH: u8 = 0x09;
const TCP_CWR: u8 = 0x80;

const transport: usize = transmitFrame + <usize>FRAME_HEADERS_BYTES;
/** Identification of packets that may be fragmented; others carry 0 (RFC 6864 §4.1). */
let identification: u32 = 0;

/**
 * After SEND_DEVICE_FULL for a segment that was being cut: payload bytes that had gone out before the device was full.
 */
export let sentPayloadBytes: u32 = 0;

/** Where to build the transport header and payload, at most 65,515 bytes; used up by `ipv4Send`. */
export function transportBuffer(): usize {
  return transport;
}

/** Sets where identifications begin; drawn at start. */
export function identificationSeed(value: u32): void {
  identification = value;
}

/** Source address for a destination; 0: no route, or the interface has none. */
export function sourceAddressFor(destination: u32): u32 {
  if (isOwnAddress(destination)) return destination;
  return routeFind(destination) ? interfaceAt(routeInterface).address : 0;
}

/** Largest IP packet of the link that leads to a destination: what may come from there, whatever the path back takes. */
export function linkMtuBytes(destination: u32): u32 {
  if (isOwnAddress(destination)) return LOOPBACK_MTU_BYTES;
  return routeFind(destination) ? interfaceAt(routeInterface).mtu : 576;
}

/** Largest IP packet (but for UDP's) that reaches a destination unfragmented, as far as is known. */
export function pathMtuBytes(destination: u32): u32 {
  return pathMtuLimit(destination, PATH_FLOW_COMMON, linkMtuBytes(destination));
}

/** NET_FEATURE_* of the device that leads to a destination. */
export function outputFeatures(destination: u32): u32 {
  if (isOwnAddress(destination)) return NET_FEATURE_CSUM | NET_FEATURE_HOST_TSO4;
  return routeFind(destination) ? interfaceAt(routeInterface).features : 0;
}

/**
 * Sends `length` bytes built at `transportBuffer()`.
 * source: host order; 0 lets the route decide. segmentBytes > 0: a TCP segment whose payload may exceed the MTU, to
 * be cut to this payload size. checksumOffset ≥ 0: where the transport's checksum stands, completed here or by the
 * device. Returns SEND_*. SEND_OK includes packets that wait for a neighbour's address.
 */
export function ipv4Send(
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  segmentBytes: u32,
  checksumOffset: i32,
): u32 {
  sentPayloadBytes = 0;
  if (length > IPV4_LARGEST_BYTES - IPV4_HEADER_BYTES) return SEND_TOO_LONG;
  if (isOwnAddress(destination)) {
    const from = source == 0 ? destination : source;
    return loopbackPut(from, destination, protocol, transport, length) ? SEND_OK : SEND_DEVICE_FULL;
  }
  // Loopback addresses never leave (RFC 1122 §3.2.1.3).
  if (!routeFind(destination) || addressIsLoopback(source)) return SEND_NO_ROUTE;
  const iface = interfaceAt(routeInterface);
  if (source == 0) source = iface.address;
  return sendOn(iface, routeNextHop, source, destination, protocol, length, segmentBytes, checksumOffset);
}

/** As `ipv4Send`, out of a given interface to everybody on its link: DHCP before there is an address. */
export function ipv4SendBroadcast(
  index: u32,
  source: u32,
  protocol: u8,
  length: u32,
  checksumOffset: i32,
): u32 {
  const iface = interfaceAt(index);
  return emit(iface, BROADCAST_MAC, source, 0xffffffff, protocol, length, 0, checksumOffset);
}

/** Sends the packets that waited for a neighbour and frees the queue. */
export function ipv4SendWaiting(index: u32, mac: u64, queue: usize): void {
  const iface = interfaceAt(index);
  while (queue != 0) {
    const packet = changetype<Waiting>(queue);
    memory.copy(transport, queue + offsetof<Waiting>(), packet.length);
    emit(
      iface,
      mac,
      packet.source,
      packet.destination,
      packet.protocol,
      packet.length,
      packet.segmentBytes,
      packet.checksumOffset,
    );
    queue = waitingDrop(queue);
  }
}

function sendOn(
  iface: Interface,
  nextHop: u32,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  segmentBytes: u32,
  checksumOffset: i32,
): u32 {
  let mac: u64;
  if (isBroadcastOn(iface, destination)) mac = BROADCAST_MAC;
  else if (addressIsMulticast(destination)) mac = macOfMulticast(destination);
  else {
    const neighbour = neighbourFor(iface.index, nextHop);
    mac = neighbour.mac;
    if (mac == 0) {
      neighbour.waiting = waitingAdd(
        neighbour.waiting,
        transport,
        source,
        destination,
        protocol,
        length,
        segmentBytes,
        checksumOffset,
      );
      return SEND_OK;
    }
  }
  return emit(iface, mac, source, destination, protocol, length, segmentBytes, checksumOffset);
}

/** Chooses between one packet, a segment for the device to cut, segments cut here, and fragments. */
function emit(
  iface: Interface,
  mac: u64,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  segmentBytes: u32,
  checksumOffset: i32,
): u32 {
  ethernetEmit(transmitFrame, mac, iface.mac, ETHERTYPE_IPV4);
  if (segmentBytes > 0) {
    const header = (<u32>load<u8>(transport, TCP_DATA_OFFSET) >> 4) << 2;
    if (length > header + segmentBytes) {
      // The device can only cut what it may also sum up (virtio 1.2 §5.1.3.1).
      if ((iface.features & NET_FEATURE_HOST_TSO4) == 0 || (iface.features & NET_FEATURE_CSUM) == 0)
        return emitSegments(
          iface,
          source,
          destination,
          protocol,
          header,
          length - header,
          segmentBytes,
          checksumOffset,
        );
      return emitPacket(iface, source, destination, protocol, length, checksumOffset, header, segmentBytes);
    }
  }
  const flow = <u32>protocol == PROTOCOL_UDP ? load32(transport) : PATH_FLOW_COMMON;
  const mtu = pathMtuLimit(destination, flow, iface.mtu);
  if (length + IPV4_HEADER_BYTES > mtu)
    return emitFragments(iface, source, destination, protocol, length, checksumOffset, mtu);
  return emitPacket(iface, source, destination, protocol, length, checksumOffset, 0, 0);
}

/** Stores the transport checksum over what stands at `at`. */
function completeChecksum(
  at: usize,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  checksumOffset: i32,
): void {
  const field = at + <usize>checksumOffset;
  store<u16>(field, 0);
  const pseudo = sumPseudoHeader(source, destination, <u32>protocol, length);
  let checksum = ~sumFold(sumAdd(pseudo, sumBytes(at, length))) & 0xffff;
  // 0 means "none" in UDP; its other representation is sent (RFC 768).
  if (checksum == 0 && <u32>protocol == PROTOCOL_UDP) checksum = 0xffff;
  store<u16>(field, <u16>checksum);
}

/** One packet; headerBytes > 0: a TCP segment that the device cuts to `segmentBytes`. */
function emitPacket(
  iface: Interface,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  checksumOffset: i32,
  headerBytes: u32,
  segmentBytes: u32,
): u32 {
  const virtio = transmitFrame - <usize>VIRTIO_NET_HEADER_BYTES;
  const total = length + IPV4_HEADER_BYTES;
  ipv4Emit(
    transmitFrame + <usize>ETHERNET_HEADER_BYTES,
    total,
    0,
    FLAG_DONT_FRAGMENT,
    <u32>protocol,
    source,
    destination,
  );
  if (checksumOffset < 0) virtioEmitPlain(virtio);
  else if ((iface.features & NET_FEATURE_CSUM) != 0) {
    // The device adds up from the transport header on; the field starts as the pseudo-header's sum.
    store<u16>(
      transport + <usize>checksumOffset,
      <u16>sumFold(sumPseudoHeader(source, destination, <u32>protocol, length)),
    );
    virtioEmitChecksum(virtio, FRAME_HEADERS_BYTES, <u32>checksumOffset);
    if (headerBytes != 0) virtioEmitSegmentation(virtio, FRAME_HEADERS_BYTES + headerBytes, segmentBytes);
  } else {
    completeChecksum(transport, source, destination, protocol, length, checksumOffset);
    virtioEmitPlain(virtio);
  }
  return deviceTransmit(iface.index, transmitFrame, ETHERNET_HEADER_BYTES + total)
    ? SEND_OK
    : SEND_DEVICE_FULL;
}

/** Cuts a TCP segment in place: each next header is written over the payload already sent. */
function emitSegments(
  iface: Interface,
  source: u32,
  destination: u32,
  protocol: u8,
  header: u32,
  payloadBytes: u32,
  segmentBytes: u32,
  checksumOffset: i32,
): u32 {
  const prefix = VIRTIO_NET_HEADER_BYTES + FRAME_HEADERS_BYTES + header;
  const flags = load<u8>(transport, TCP_FLAGS_OFFSET);
  const sequence = load32(transport + TCP_SEQUENCE_OFFSET);
  let frame = transmitFrame;
  let done: u32 = 0;
  while (done < payloadBytes) {
    const bytes = min(segmentBytes, payloadBytes - done);
    const tcp = frame + <usize>FRAME_HEADERS_BYTES;
    const first = done == 0;
    const last = done + bytes == payloadBytes;
    store32(tcp + TCP_SEQUENCE_OFFSET, sequence + done);
    store<u8>(tcp, flags & (last ? 0xff : ~TCP_FIN_AND_PUSH) & (first ? 0xff : ~TCP_CWR), TCP_FLAGS_OFFSET);
    ipv4Emit(
      frame + <usize>ETHERNET_HEADER_BYTES,
      IPV4_HEADER_BYTES + header + bytes,
      0,
      FLAG_DONT_FRAGMENT,
      <u32>protocol,
      source,
      destination,
    );
    const virtio = frame - <usize>VIRTIO_NET_HEADER_BYTES;
    if ((iface.features & NET_FEATURE_CSUM) != 0) {
      store<u16>(
        tcp + <usize>checksumOffset,
        <u16>sumFold(sumPseudoHeader(source, destination, <u32>protocol, header + bytes)),
      );
      virtioEmitChecksum(virtio, FRAME_HEADERS_BYTES, <u32>checksumOffset);
    } else {
      completeChecksum(tcp, source, destination, protocol, header + bytes, checksumOffset);
      virtioEmitPlain(virtio);
    }
    if (!deviceTransmit(iface.index, frame, FRAME_HEADERS_BYTES + header + bytes)) {
      sentPayloadBytes = done;
      return SEND_DEVICE_FULL;
    }
    done += bytes;
    memory.copy(virtio + <usize>bytes, virtio, prefix);
    frame += <usize>bytes;
  }
  return SEND_OK;
}

/** Cuts a datagram into fragments (RFC 791 §3.2), each header written over the bytes already sent. */
function emitFragments(
  iface: Interface,
  source: u32,
  destination: u32,
  protocol: u8,
  length: u32,
  checksumOffset: i32,
  mtu: u32,
): u32 {
  if (checksumOffset >= 0) completeChecksum(transport, source, destination, protocol, length, checksumOffset);
  const largest = (mtu - IPV4_HEADER_BYTES) & ~7;
  const prefix = <usize>(VIRTIO_NET_HEADER_BYTES + FRAME_HEADERS_BYTES);
  identification = (identification + 1) & 0xffff;
  let frame = transmitFrame;
  for (let done: u32 = 0; done < length; ) {
    const bytes = min(largest, length - done);
    const more = done + bytes < length ? FLAG_MORE_FRAGMENTS : 0;
    ipv4Emit(
      frame + <usize>ETHERNET_HEADER_BYTES,
      IPV4_HEADER_BYTES + bytes,
      identification,
      more | (done >> 3),
      <u32>protocol,
      source,
      destination,
    );
    const virtio = frame - <usize>VIRTIO_NET_HEADER_BYTES;
    virtioEmitPlain(virtio);
    if (!deviceTransmit(iface.index, frame, FRAME_HEADERS_BYTES + bytes)) return SEND_DEVICE_FULL;
    memory.copy(virtio + <usize>bytes, virtio, prefix);
    frame += <usize>bytes;
    done += bytes;
  }
  return SEND_OK;
}
