// ICMP (RFC 792, RFC 1122 §3.2.2): answers echo requests, turns errors into `icmpError…`, sends unreachable messages.
// In: the datagram variables. Out: datagrams, the ICMP error variables. May import: wire, storage, time.
import { load32 } from '../storage/bytes';
import { nowNs } from '../time/clock';
import {
  CODE_FRAGMENTATION_NEEDED,
  ICMP_DESTINATION_UNREACHABLE,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_HEADER_BYTES,
  ICMP_TIME_EXCEEDED,
  icmpCheck,
  icmpCode,
  icmpEmit,
  icmpIsError,
  icmpNextHopMtu,
  icmpType,
} from '../wire/icmpv4';
import {
  addressIsMulticast,
  IPV4_HEADER_BYTES,
  ipv4Destination,
  ipv4Emit,
  ipv4FlagsAndOffset,
  ipv4HeaderBytes,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
  PROTOCOL_ICMP,
} from '../wire/ipv4';
import {
  datagramBroadcast,
  datagramDestination,
  datagramHeader,
  datagramLength,
  datagramPayload,
  datagramProtocol,
  datagramSource,
  icmpErrorSet,
} from './datagram';
import { isOwnAddress } from './interface';
import { ipv4Send, transportBuffer } from './ipv4-output';
import { PATH_MTU_LEAST_BYTES } from './path-mtu';

/** RFC 1812 §4.3.2.3: as much of the packet as fits in 576 bytes. */
const QUOTE_BYTES: u32 = 576 - IPV4_HEADER_BYTES - ICMP_HEADER_BYTES;
/** RFC 1812 §4.3.2.8 token bucket: bursts of 50, 1000 a second in the long run (the defaults of Linux). */
const ERROR_BURST: u64 = 50;
const ERROR_INTERVAL_NS: u64 = 1_000_000;
let bucketEmptyNs: u64 = 0;

/** Handles the ICMP message in the datagram variables. `any`: the destination need not be ours. */
export function icmpInput(any: bool): void {
  const message = datagramPayload;
  if (!icmpCheck(message, datagramLength)) return;
  const type = icmpType(message);
  if (type == ICMP_ECHO_REQUEST) {
    // RFC 1122 §3.2.2.6: a broadcast echo request may be ignored.
    if (datagramBroadcast || icmpCode(message) != 0 || !isOwnAddress(datagramDestination)) return;
    memory.copy(transportBuffer(), message, datagramLength);
    icmpEmit(transportBuffer(), ICMP_ECHO_REPLY, 0, datagramLength);
    ipv4Send(datagramDestination, datagramSource, <u8>PROTOCOL_ICMP, datagramLength, 0, -1);
  } else if (icmpIsError(type) && !datagramBroadcast)
    readError(message + <usize>ICMP_HEADER_BYTES, datagramLength - ICMP_HEADER_BYTES, any);
}

/** Takes the quoted packet apart; only packets that we may have sent count. */
function readError(quoted: usize, length: u32, any: bool): void {
  if (length < IPV4_HEADER_BYTES || load<u8>(quoted) >> 4 != 4) return;
  const header = ipv4HeaderBytes(quoted);
  if (header < IPV4_HEADER_BYTES || length < header + 8) return;
  // Ports stand in the first fragment only.
  if ((ipv4FlagsAndOffset(quoted) & 0x1fff) != 0) return;
  const source = ipv4Source(quoted);
  if (!any && !isOwnAddress(source)) return;
  const type = icmpType(datagramPayload);
  const code = icmpCode(datagramPayload);
  const transport = quoted + <usize>header;
  let mtu: u32 = 0;
  if (type == ICMP_DESTINATION_UNREACHABLE && code == CODE_FRAGMENTATION_NEEDED) {
    mtu = max(icmpNextHopMtu(datagramPayload), PATH_MTU_LEAST_BYTES);
    // Only a longer packet can have been too long (RFC 5927 §7).
    if (ipv4TotalLength(quoted) <= mtu) return;
  }
  icmpErrorSet(
    <u8>ipv4Protocol(quoted),
    type,
    code,
    source,
    ipv4Destination(quoted),
    load32(transport),
    load32(transport + 4),
    mtu,
  );
}

/** Whether the token bucket lets an error pass now. */
function mayReport(): bool {
  const full = nowNs + ERROR_BURST * ERROR_INTERVAL_NS;
  const after = max(bucketEmptyNs, nowNs) + ERROR_INTERVAL_NS;
  if (after > full) return false;
  bucketEmptyNs = after;
  return true;
}

/** Answers the current datagram with "destination unreachable", if RFC 1122 §3.2.2 allows and the rate does. */
export function icmpSendUnreachable(code: u32): void {
  if (datagramBroadcast || datagramSource == 0 || addressIsMulticast(datagramSource)) return;
  if (datagramSource == 0xffffffff || !mayReport()) return;
  const message = transportBuffer();
  const quote = message + <usize>ICMP_HEADER_BYTES;
  const header = datagramHeader == 0 ? IPV4_HEADER_BYTES : ipv4HeaderBytes(datagramHeader);
  if (datagramHeader != 0) memory.copy(quote, datagramHeader, header);
  else
    ipv4Emit(
      quote,
      IPV4_HEADER_BYTES + datagramLength,
      0,
      0,
      <u32>datagramProtocol,
      datagramSource,
      datagramDestination,
    );
  const payload = min(datagramLength, QUOTE_BYTES - header);
  memory.copy(quote + <usize>header, datagramPayload, payload);
  store<u32>(message, 0, 4);
  const length = ICMP_HEADER_BYTES + header + payload;
  icmpEmit(message, ICMP_DESTINATION_UNREACHABLE, code, length);
  ipv4Send(datagramDestination, datagramSource, <u8>PROTOCOL_ICMP, length, 0, -1);
}

/** Tells a sender that its fragments did not all come in time (RFC 792); quotes `length` bytes of the first one. */
export function icmpSendReassemblyTimeout(packet: usize, length: u32, source: u32, destination: u32): void {
  if (!isOwnAddress(destination) || !mayReport()) return;
  const message = transportBuffer();
  const quoted = min(length, QUOTE_BYTES);
  memory.copy(message + <usize>ICMP_HEADER_BYTES, packet, quoted);
  store<u32>(message, 0, 4);
  icmpEmit(message, ICMP_TIME_EXCEEDED, 1, ICMP_HEADER_BYTES + quoted);
  ipv4Send(destination, source, <u8>PROTOCOL_ICMP, ICMP_HEADER_BYTES + quoted, 0, -1);
}
