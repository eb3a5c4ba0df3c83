/**
 * Entry of wire-testing.wasm: parsers and storage for property tests and fuzzing, without a network.
 * In: calls of the tests. Out: the exports below. May import: wire, storage, platform.
 * Inputs end where linear memory ends, so that reading one byte too far traps.
 */
import { panic } from './platform/index';
import { mapCreate, mapDelete, mapGet, mapSet, mapSetSecret } from './storage/hash-map';
import { PacketQueue, packetQueueDrop, packetQueueFirst, packetQueuePut } from './storage/packet-queue';
import { arpCheck, arpOperation, arpSenderHardware, arpSenderProtocol, arpTargetProtocol } from './wire/arp';
import { checksumOf, sumAdd, sumBytes, sumFold, sumPseudoHeader } from './wire/checksum';
import { dhcpParse } from './wire/dhcpv4';
import { dnsNameFromText, dnsParse, dnsReadName } from './wire/dns';
import { icmpCheck, icmpCode, icmpNextHopMtu, icmpType } from './wire/icmpv4';
import { ipv4Check, ipv4Destination, ipv4FlagsAndOffset, ipv4Protocol, ipv4Source } from './wire/ipv4';
import { parseIpv4 } from './wire/ipv4-text';
import { tcpCheck, tcpHeaderBytes } from './wire/tcp';
import { optionsParse } from './wire/tcp-options';
import { udpCheck, udpChecksum, udpDestinationPort, udpSourcePort } from './wire/udp';

export { dhcpEmit, dhcpParse, dhcpType } from './wire/dhcpv4';
export { dnsAddressCount, dnsEmitQuery, dnsNameFromText, dnsParse, dnsReadName } from './wire/dns';
export { ipv4Check, ipv4Emit } from './wire/ipv4';
export { parseIpv4 } from './wire/ipv4-text';
/** Linked for the `abort` that comes with it. */
export { panic };

const scratch: usize = memory.data(1024, 8);

/** Where an input of `length` bytes (up to 65,536) is put so that memory ends behind it. */
export function inputAddress(length: u32): usize {
  return ((<usize>memory.size()) << 16) - <usize>length;
}

export function scratchAddress(): usize {
  return scratch;
}

/** Internet checksum as a host-order number. */
export function checksum(address: usize, length: u32): u32 {
  return <u32>bswap<u16>(checksumOf(sumBytes(address, length)));
}

/** Checksum of two parts, the first of even length, under a pseudo-header. */
export function checksumOfParts(
  source: u32,
  destination: u32,
  protocol: u32,
  address: usize,
  first: u32,
  length: u32,
): u32 {
  const parts = sumAdd(sumBytes(address, first), sumBytes(address + <usize>first, length - first));
  const sum = sumAdd(sumPseudoHeader(source, destination, protocol, length), parts);
  return <u32>bswap<u16>(<u16>(~sumFold(sum) & 0xffff));
}

/** Runs every parser of one frame's layer on an input; the result only keeps the reads alive. */
export function parseArp(address: usize, length: u32): u64 {
  if (!arpCheck(address, length)) return 0;
  const protocols = <u64>arpSenderProtocol(address) + <u64>arpTargetProtocol(address);
  return <u64>arpOperation(address) + arpSenderHardware(address) + protocols;
}

export function parseIpv4Packet(address: usize, length: u32): u32 {
  if (!ipv4Check(address, length)) return 0;
  return ipv4Source(address) + ipv4Destination(address) + ipv4Protocol(address) + ipv4FlagsAndOffset(address);
}

export function parseIcmp(address: usize, length: u32): u32 {
  if (!icmpCheck(address, length)) return 0;
  return icmpType(address) + icmpCode(address) + icmpNextHopMtu(address);
}

export function parseUdp(address: usize, length: u32): u32 {
  if (!udpCheck(address, length)) return 0;
  return udpSourcePort(address) + udpDestinationPort(address) + udpChecksum(address);
}

export function parseTcp(address: usize, length: u32): u32 {
  if (!tcpCheck(address, length)) return 0;
  const header = tcpHeaderBytes(address);
  optionsParse(address + 20, header - 20);
  return header;
}

export function parseDhcp(address: usize, length: u32): u32 {
  return dhcpParse(address, length, 0x020000000001) ? 1 : 0;
}

export function parseDns(address: usize, length: u32, identifier: u32, name: usize): u32 {
  return dnsParse(address, length, identifier, name);
}

export function parseName(address: usize, length: u32, offset: u32): u32 {
  return dnsReadName(address, length, offset, scratch);
}

export function parseNameText(address: usize, length: u32): u32 {
  return dnsNameFromText(address, length, scratch);
}

export function parseAddressText(address: usize, length: u32): i64 {
  return parseIpv4(address, length);
}

const map = mapCreate(1000);
mapSetSecret(map, 0x123456789abcdef);

export function mapTestGet(a: u64, b: u64): u32 {
  return mapGet(map, a, b);
}
export function mapTestSet(a: u64, b: u64, value: u32): bool {
  return mapSet(map, a, b, value);
}
export function mapTestDelete(a: u64, b: u64): bool {
  return mapDelete(map, a, b);
}

const queue = changetype<PacketQueue>(memory.data(32, 8));
const queueArea: usize = memory.data(4096, 8);
queue.base = queueArea;
queue.capacity = 4096;

/** Puts a packet of `length` bytes, all `value`; false: no room. */
export function queueTestPut(length: u32, value: u32): bool {
  const place = packetQueuePut(queue, length + 4);
  if (place == 0) return false;
  store<u32>(place, length);
  memory.fill(place + 4, <u8>value, length);
  return true;
}

/** Takes a packet: its value, or 256 + length when it is empty or not uniform; -1: none. */
export function queueTestTake(expectedLength: u32): i32 {
  const place = packetQueueFirst(queue);
  if (place == 0) return -1;
  const length = load<u32>(place);
  let result: i32 = length == expectedLength ? 0 : 1000;
  if (length > 0) {
    result += <i32>load<u8>(place + 4);
    for (let i: u32 = 0; i < length; i++)
      if (load<u8>(place + 4 + <usize>i) != load<u8>(place + 4)) result = 2000;
  }
  packetQueueDrop(queue);
  return result;
}

/** Bytes in use: 0 when all packets are taken. */
export function queueTestUsed(): u32 {
  return queue.used;
}

/** Pages that nothing uses, at the end of memory: the place of inputs. Last, after everything else has its memory. */
memory.grow(2);
