/**
 * UDP sockets (RFC 768, RFC 1122 §4.1). In: the datagram variables, sends of the owners. Out: datagrams, events.
 * Each socket's datagrams wait in a ring of their own, taken when the first one comes; a full ring drops.
 * May import: iface, storage, platform, wire.
 */
import {
  datagramBroadcast,
  datagramChecksumValid,
  datagramDestination,
  datagramInterface,
  datagramLength,
  datagramPayload,
  datagramSource,
  icmpErrorCode,
  icmpErrorDestination,
  icmpErrorDestinationPort,
  icmpErrorMtu,
  icmpErrorSource,
  icmpErrorSourcePort,
  icmpErrorType,
} from '../iface/datagram';
import { icmpSendUnreachable } from '../iface/icmp';
import { interfaceAt, isOwnAddress } from '../iface/interface';
import {
  ipv4Send,
  ipv4SendBroadcast,
  SEND_DEVICE_FULL,
  SEND_NO_ROUTE,
  SEND_TOO_LONG,
  sourceAddressFor,
  transportBuffer,
} from '../iface/ipv4-output';
import { pathMtuLearn } from '../iface/path-mtu';
import {
  ERROR_EADDRINUSE,
  ERROR_EADDRNOTAVAIL,
  ERROR_EAGAIN,
  ERROR_ECONNREFUSED,
  ERROR_EHOSTUNREACH,
  ERROR_EINVAL,
  ERROR_EMSGSIZE,
  ERROR_ENETUNREACH,
  ERROR_ENOBUFS,
} from '../platform/index';
import { randomU32 } from '../platform/random';
import { HashMap, mapCreate, mapDelete, mapGet, mapSet } from '../storage/hash-map';
import { PacketQueue, packetQueueDrop, packetQueueFirst, packetQueuePut } from '../storage/packet-queue';
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../storage/pool';
import { checksumIsValid, sumAdd, sumBytes, sumPseudoHeader } from '../wire/checksum';
import {
  CODE_FRAGMENTATION_NEEDED,
  CODE_PORT_UNREACHABLE,
  ICMP_DESTINATION_UNREACHABLE,
} from '../wire/icmpv4';
import { PROTOCOL_UDP } from '../wire/ipv4';
import {
  UDP_CHECKSUM_OFFSET,
  UDP_HEADER_BYTES,
  udpCheck,
  udpChecksum,
  udpDestinationPort,
  udpEmit,
  udpLength,
  udpSourcePort,
} from '../wire/udp';

/** Largest payload: 65,535 less the IPv4 and UDP headers. */
export const UDP_LARGEST_PAYLOAD_BYTES: u32 = 65507;
const SOCKET_LIMIT: u32 = 1024;
/** Room for at least one datagram of the largest size. */
const QUEUE_BYTES: u32 = 128 * 1024;
const WILDCARD_QUEUE_BYTES: u32 = 512 * 1024;
/** Memory of all rings together; a socket over it receives nothing. */
const QUEUE_BYTES_LIMIT: u32 = 16 * 1024 * 1024;
/** RFC 6335 §6: dynamic ports. */
const EPHEMERAL_FIRST: u32 = 49152;
const EPHEMERAL_COUNT: u32 = 16384;

@unmanaged
class Socket {
  /** Next with an event; first field: the pool's free list uses it only while the socket is free. */
  nextEvent: usize;
  queue: PacketQueue;
  address: u32;
  port: u32;
  generation: u32;
  /** Where the last datagram went: an ICMP error counts when it quotes that. */
  sentAddress: u32;
  sentPort: u32;
  /** ICMP error not yet taken; 0 none. */
  error: i32;
  owner: u8;
  live: bool;
  wildcard: bool;
  eventQueued: bool;
  /** Datagrams dropped because the ring was full. */
  dropped: u32;
}

/** A queued datagram; its payload follows. */
@unmanaged
class Received {
  length: u32;
  peerAddress: u32;
  peerPort: u32;
  localAddress: u32;
  localPort: u32;
  iface: u32;
}

const RECEIVED_BYTES: u32 = 24;
const pool: Pool = poolCreate(<u32>offsetof<Socket>(), SOCKET_LIMIT);
const map: HashMap = mapCreate(SOCKET_LIMIT);
let wildcardSocket: usize = 0;
let queueBytes: u32 = 0;
let generations: u32 = 0;
let firstEvent: usize = 0;
let lastEvent: usize = 0;

/** Where the datagram that `udpReceive` returned came from, where it was sent to, and by which interface it came. */
export let peerAddress: u32 = 0;
export let peerPort: u32 = 0;
export let localAddress: u32 = 0;
export let localPort: u32 = 0;
export let receivedInterface: u32 = 0;
/** The socket that `udpNextEvent` found. */
export let udpEventHandle: i32 = 0;
export let udpEventOwner: u8 = 0;

function handleOf(socket: Socket): i32 {
  return <i32>((socket.generation << 16) | (poolIndex(pool, changetype<usize>(socket)) + 1));
}

function socketOf(handle: i32): Socket | null {
  if (handle <= 0) return null;
  const place = poolAt(pool, (<u32>handle & 0xffff) - 1);
  if (place == 0) return null;
  const socket = changetype<Socket>(place);
  return socket.live && socket.generation == <u32>handle >> 16 ? socket : null;
}

function portIsFree(address: u32, port: u32): bool {
  return mapGet(map, ((<u64>address) << 16) | <u64>port, 0) == 0 && mapGet(map, <u64>port, 0) == 0;
}

/** A random free dynamic port (RFC 6056 §3.3.1); 0 when all are taken. */
function ephemeralPort(address: u32): u32 {
  let offset = randomU32() % EPHEMERAL_COUNT;
  for (let tries: u32 = 0; tries < EPHEMERAL_COUNT; tries++) {
    const port = EPHEMERAL_FIRST + offset;
    if (portIsFree(address, port)) return port;
    offset = (offset + 1) % EPHEMERAL_COUNT;
  }
  return 0;
}

function open(address: u32, port: u32, owner: u8): Socket | null {
  const place = poolTake(pool);
  if (place == 0) return null;
  const socket = changetype<Socket>(place);
  socket.queue = changetype<PacketQueue>(heap.alloc(offsetof<PacketQueue>()));
  memory.fill(changetype<usize>(socket.queue), 0, offsetof<PacketQueue>());
  generations = (generations + 1) & 0x7fff;
  socket.generation = generations;
  socket.address = address;
  socket.port = port;
  socket.owner = owner;
  socket.live = true;
  return socket;
}

/**
 * Binds a socket. address: one's own, or 0 for all; port 0 picks a random dynamic one.
 * Returns a handle, or EADDRINUSE, EADDRNOTAVAIL, ENOBUFS, EINVAL.
 */
export function udpBind(address: u32, port: u32, owner: u8): i32 {
  if (port > 0xffff) return ERROR_EINVAL;
  if (address != 0 && !isOwnAddress(address)) return ERROR_EADDRNOTAVAIL;
  if (port == 0) port = ephemeralPort(address);
  else if (!portIsFree(address, port)) return ERROR_EADDRINUSE;
  if (port == 0) return ERROR_EADDRINUSE;
  const socket = open(address, port, owner);
  if (socket === null) return ERROR_ENOBUFS;
  mapSet(map, ((<u64>address) << 16) | <u64>port, 0, poolIndex(pool, changetype<usize>(socket)) + 1);
  return handleOf(socket);
}

/** Gateway: the one socket that receives what no other takes, for any address and port. EADDRINUSE: there is one. */
export function udpBindWildcard(owner: u8): i32 {
  if (wildcardSocket != 0) return ERROR_EADDRINUSE;
  const socket = open(0, 0, owner);
  if (socket === null) return ERROR_ENOBUFS;
  socket.wildcard = true;
  wildcardSocket = changetype<usize>(socket);
  return handleOf(socket);
}

/** Closes a socket; what it had not yet received is lost. */
export function udpClose(handle: i32): void {
  const socket = socketOf(handle);
  if (socket === null) return;
  if (socket.wildcard) wildcardSocket = 0;
  else mapDelete(map, ((<u64>socket.address) << 16) | <u64>socket.port, 0);
  freeQueue(socket);
  heap.free(changetype<usize>(socket.queue));
  if (socket.eventQueued) unlinkEvent(changetype<usize>(socket));
  socket.live = false;
  poolGive(pool, changetype<usize>(socket));
}

function unlinkEvent(place: usize): void {
  if (firstEvent == place) {
    firstEvent = changetype<Socket>(place).nextEvent;
    if (firstEvent == 0) lastEvent = 0;
    return;
  }
  let before = firstEvent;
  while (changetype<Socket>(before).nextEvent != place) before = changetype<Socket>(before).nextEvent;
  changetype<Socket>(before).nextEvent = changetype<Socket>(place).nextEvent;
  if (lastEvent == place) lastEvent = before;
}

function queueEvent(socket: Socket): void {
  if (socket.eventQueued) return;
  socket.eventQueued = true;
  socket.nextEvent = 0;
  const place = changetype<usize>(socket);
  if (lastEvent == 0) firstEvent = place;
  else changetype<Socket>(lastEvent).nextEvent = place;
  lastEvent = place;
}

/** Takes the next socket with datagrams or an error into `udpEvent…`; coalesced per socket. */
export function udpNextEvent(): bool {
  if (firstEvent == 0) return false;
  const socket = changetype<Socket>(firstEvent);
  firstEvent = socket.nextEvent;
  if (firstEvent == 0) lastEvent = 0;
  socket.eventQueued = false;
  udpEventHandle = handleOf(socket);
  udpEventOwner = socket.owner;
  return true;
}

function sendError(result: u32): i32 {
  if (result == SEND_DEVICE_FULL) return ERROR_EAGAIN;
  if (result == SEND_NO_ROUTE) return ERROR_ENETUNREACH;
  return result == SEND_TOO_LONG ? ERROR_EMSGSIZE : 0;
}

/**
 * Sends a datagram (`length` up to 65,507 bytes at `source`). Returns `length`, or EAGAIN (the device is full),
 * EMSGSIZE, ENETUNREACH, EINVAL.
 */
export function udpSend(handle: i32, address: u32, port: u32, source: usize, length: u32): i32 {
  const socket = socketOf(handle);
  if (socket === null || socket.wildcard) return ERROR_EINVAL;
  return udpSendFrom(handle, socket.address, socket.port, address, port, source, length);
}

/** As `udpSend`, from a given local address and port: a gateway's wildcard socket answers as whoever was asked. */
export function udpSendFrom(
  handle: i32,
  fromAddress: u32,
  fromPort: u32,
  address: u32,
  port: u32,
  source: usize,
  length: u32,
): i32 {
  const socket = socketOf(handle);
  if (socket === null || port == 0 || port > 0xffff || address == 0) return ERROR_EINVAL;
  if (length > UDP_LARGEST_PAYLOAD_BYTES) return ERROR_EMSGSIZE;
  if (fromAddress == 0) fromAddress = sourceAddressFor(address);
  if (fromAddress == 0) return ERROR_ENETUNREACH;
  socket.sentAddress = address;
  socket.sentPort = port;
  const total = UDP_HEADER_BYTES + length;
  udpEmit(transportBuffer(), fromPort, port, total);
  memory.copy(transportBuffer() + <usize>UDP_HEADER_BYTES, source, length);
  const result = ipv4Send(fromAddress, address, <u8>PROTOCOL_UDP, total, 0, UDP_CHECKSUM_OFFSET);
  return result == 0 ? <i32>length : sendError(result);
}

/** Broadcasts on one interface, which may have no address yet (the source is then 0.0.0.0): DHCP. */
export function udpSendBroadcast(handle: i32, iface: u32, port: u32, source: usize, length: u32): i32 {
  const socket = socketOf(handle);
  if (socket === null) return ERROR_EINVAL;
  const total = UDP_HEADER_BYTES + length;
  udpEmit(transportBuffer(), socket.port, port, total);
  memory.copy(transportBuffer() + <usize>UDP_HEADER_BYTES, source, length);
  const from = interfaceAt(iface).address;
  const result = ipv4SendBroadcast(iface, from, <u8>PROTOCOL_UDP, total, UDP_CHECKSUM_OFFSET);
  return result == 0 ? <i32>length : sendError(result);
}

/** Length of the next datagram, or EAGAIN. */
export function udpNextLength(handle: i32): i32 {
  const socket = socketOf(handle);
  if (socket === null) return ERROR_EINVAL;
  const first = packetQueueFirst(socket.queue);
  return first == 0 ? ERROR_EAGAIN : <i32>changetype<Received>(first).length;
}

/**
 * Takes a datagram: copies at most `capacity` bytes (the rest is lost), sets `peerAddress` and its companions.
 * Returns the bytes copied, or EAGAIN when none is waiting.
 */
export function udpReceive(handle: i32, destination: usize, capacity: u32): i32 {
  const socket = socketOf(handle);
  if (socket === null) return ERROR_EINVAL;
  const first = packetQueueFirst(socket.queue);
  if (first == 0) return ERROR_EAGAIN;
  const received = changetype<Received>(first);
  peerAddress = received.peerAddress;
  peerPort = received.peerPort;
  localAddress = received.localAddress;
  localPort = received.localPort;
  receivedInterface = received.iface;
  const length = min(received.length, capacity);
  memory.copy(destination, first + <usize>RECEIVED_BYTES, length);
  packetQueueDrop(socket.queue);
  if (queueBytes > QUEUE_BYTES_LIMIT / 2 && packetQueueFirst(socket.queue) == 0) freeQueue(socket);
  return <i32>length;
}

/** Takes the ICMP error delivered to the socket (ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EMSGSIZE), 0 for none. */
export function udpTakeError(handle: i32): i32 {
  const socket = socketOf(handle);
  if (socket === null) return 0;
  const error = socket.error;
  socket.error = 0;
  return error;
}

export function udpLocalPort(handle: i32): u32 {
  const socket = socketOf(handle);
  return socket === null ? 0 : socket.port;
}

/** Datagrams that the socket lost because its ring was full. */
export function udpDropped(handle: i32): u32 {
  const socket = socketOf(handle);
  return socket === null ? 0 : socket.dropped;
}

/** Sockets open, and bytes of their rings: 0 when all are closed. */
export function udpSocketCount(): u32 {
  return pool.live;
}
export function udpQueueBytes(): u32 {
  return queueBytes;
}

function find(address: u32, port: u32): usize {
  let index = mapGet(map, ((<u64>address) << 16) | <u64>port, 0);
  if (index == 0) index = mapGet(map, <u64>port, 0);
  return index == 0 ? 0 : poolAt(pool, index - 1);
}

/** Takes the ring's memory at the first datagram; false when the budget is used up. */
function hasQueue(socket: Socket): bool {
  if (socket.queue.base != 0) return true;
  const bytes = socket.wildcard ? WILDCARD_QUEUE_BYTES : QUEUE_BYTES;
  if (queueBytes + bytes > QUEUE_BYTES_LIMIT) return false;
  socket.queue.base = heap.alloc(bytes);
  socket.queue.capacity = bytes;
  queueBytes += bytes;
  return true;
}

/** Gives the ring's memory back: when the socket is closed, and when it is empty while others need theirs. */
function freeQueue(socket: Socket): void {
  if (socket.queue.base == 0) return;
  heap.free(socket.queue.base);
  queueBytes -= socket.queue.capacity;
  socket.queue.base = 0;
  socket.queue.capacity = 0;
}

/** Takes the datagram in the datagram variables. */
export function udpInput(): void {
  const datagram = datagramPayload;
  if (!udpCheck(datagram, datagramLength)) return;
  const length = udpLength(datagram);
  if (udpChecksum(datagram) != 0 && !datagramChecksumValid) {
    const pseudo = sumPseudoHeader(datagramSource, datagramDestination, PROTOCOL_UDP, length);
    if (!checksumIsValid(sumAdd(pseudo, sumBytes(datagram, length)))) return;
  }
  const port = udpDestinationPort(datagram);
  let place = find(datagramDestination, port);
  if (place == 0) place = wildcardSocket;
  if (place == 0) {
    if (!datagramBroadcast) icmpSendUnreachable(CODE_PORT_UNREACHABLE);
    return;
  }
  const socket = changetype<Socket>(place);
  const bytes = length - UDP_HEADER_BYTES;
  const room = hasQueue(socket) ? packetQueuePut(socket.queue, RECEIVED_BYTES + bytes) : 0;
  if (room == 0) {
    socket.dropped++;
    return;
  }
  const received = changetype<Received>(room);
  received.length = bytes;
  received.peerAddress = datagramSource;
  received.peerPort = udpSourcePort(datagram);
  received.localAddress = datagramDestination;
  received.localPort = port;
  received.iface = datagramInterface;
  memory.copy(room + <usize>RECEIVED_BYTES, datagram + <usize>UDP_HEADER_BYTES, bytes);
  queueEvent(socket);
}

/** Delivers the ICMP error in the error variables (RFC 1122 §4.1.3.3), if it quotes what the socket has just sent. */
export function udpIcmpError(): void {
  const place = find(icmpErrorSource, icmpErrorSourcePort);
  if (place == 0 || icmpErrorType != ICMP_DESTINATION_UNREACHABLE) return;
  const socket = changetype<Socket>(place);
  if (socket.sentAddress != icmpErrorDestination || socket.sentPort != icmpErrorDestinationPort) return;
  if (icmpErrorCode == CODE_FRAGMENTATION_NEEDED) {
    const flow = (icmpErrorSourcePort << 16) | icmpErrorDestinationPort;
    pathMtuLearn(icmpErrorDestination, flow, icmpErrorMtu);
    socket.error = ERROR_EMSGSIZE;
  } else if (icmpErrorCode == CODE_PORT_UNREACHABLE) socket.error = ERROR_ECONNREFUSED;
  else socket.error = icmpErrorCode == 0 ? ERROR_ENETUNREACH : ERROR_EHOSTUNREACH;
  queueEvent(socket);
}
