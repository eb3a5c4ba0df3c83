/**
 * Builds segments in the transport buffer and hands them down: data straight from the send ring.
 *
 * In: a connection and a range of sequence numbers, or the current segment to answer. Out: packets.
 * May import: iface, wire, storage.
 */
import {
  ipv4Send,
  linkMtuBytes,
  outputFeatures,
  pathMtuBytes,
  SEND_DEVICE_FULL,
  transportBuffer,
} from '../../iface/ipv4-output';
import { NET_FEATURE_HOST_TSO4 } from '../../platform/index';
import { ringRead } from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { IPV4_HEADER_BYTES, PROTOCOL_TCP } from '../../wire/ipv4';
import { ACK, PSH, RST, SYN, TCP_CHECKSUM_OFFSET, TCP_HEADER_BYTES, tcpEmit } from '../../wire/tcp';
import {
  emitMaximumSegmentSize,
  emitSackPermitted,
  emitTimestamps,
  emitWindowScale,
  MAXIMUM_SEGMENT_SIZE_BYTES,
  SACK_PERMITTED_BYTES,
  TIMESTAMPS_BYTES,
  WINDOW_SCALE_BYTES,
} from '../../wire/tcp-options';
import { CHALLENGE_LIMIT, CHALLENGE_PERIOD_NS, MSS_LEAST_BYTES } from './configuration';
import {
  ACK_DELAYED,
  ACK_NOW,
  Connection,
  DUPLICATE,
  has,
  receiveRing,
  SACK,
  SCALING,
  sendRing,
  TIMESTAMPS,
} from './connection';
import { timestampClock } from './initial-sequence';
import { sackOption } from './sack';
import {
  segmentAck,
  segmentBits,
  segmentDestination,
  segmentDestinationPort,
  segmentLength,
  segmentSequence,
  segmentSource,
  segmentSourcePort,
} from './segment';
import { after } from './sequence';
import { windowAdvertise } from './window';

/** IPv4 and TCP headers without options (RFC 6691 §2). */
const HEADERS_BYTES: u32 = IPV4_HEADER_BYTES + TCP_HEADER_BYTES;
/** Largest payload handed down at once: with all headers it fits IPv4's 65,535 bytes. */
const PAYLOAD_LIMIT_BYTES: u32 = 65_400;

/** The MSS option to announce to a peer (RFC 6691: options are not taken off; RFC 9293 §3.7.1: by what we can receive). */
export function announcedMss(peerAddress: u32): u32 {
  return min(linkMtuBytes(peerAddress) - HEADERS_BYTES, 65_495);
}

/** Sets `mss` from the peer's option, the path and the options that every segment carries. */
export function mssUpdate(c: Connection): void {
  const path = min(pathMtuBytes(c.peerAddress) - HEADERS_BYTES, 65_495);
  const options = has(c, TIMESTAMPS) ? TIMESTAMPS_BYTES : 0;
  c.mss = max(min(max(c.peerMss, MSS_LEAST_BYTES), path), options + MSS_LEAST_BYTES) - options;
}

/** Largest payload, a multiple of the MSS, to hand down at once; the layer below or the device cuts it. */
export function payloadLimit(c: Connection): u32 {
  const limit = (outputFeatures(c.peerAddress) & NET_FEATURE_HOST_TSO4) != 0 ? PAYLOAD_LIMIT_BYTES : 16_384;
  return limit < c.mss ? c.mss : limit - (limit % c.mss);
}

function synOptions(c: Connection, at: usize): u32 {
  emitMaximumSegmentSize(at, announcedMss(c.peerAddress));
  let length = MAXIMUM_SEGMENT_SIZE_BYTES;
  if (has(c, SACK)) {
    emitSackPermitted(at + length);
    length += SACK_PERMITTED_BYTES;
  }
  if (has(c, TIMESTAMPS)) {
    emitTimestamps(at + length, timestampClock() + c.timestampOffset, c.timestampRecent);
    length += TIMESTAMPS_BYTES;
  }
  if (has(c, SCALING)) {
    emitWindowScale(at + length, <u32>c.receiveShift);
    length += WINDOW_SCALE_BYTES;
  }
  return length;
}

/** Sends `length` bytes from `sequence` on with `bits`. Returns SEND_*; every outcome but DEVICE_FULL counts as sent. */
export function sendSegment(c: Connection, bits: u32, sequence: u32, length: u32): u32 {
  const at = transportBuffer();
  const options = at + <usize>TCP_HEADER_BYTES;
  let header = TCP_HEADER_BYTES;
  if ((bits & SYN) != 0) header += synOptions(c, options);
  else {
    if (has(c, TIMESTAMPS)) {
      emitTimestamps(options, timestampClock() + c.timestampOffset, c.timestampRecent);
      header += TIMESTAMPS_BYTES;
    }
    if (length == 0 && has(c, SACK) && (c.holes != 0 || has(c, DUPLICATE)))
      header += sackOption(c, at + <usize>header);
  }
  // Windows in SYN segments are never scaled (RFC 7323 §2.2).
  const shift = (bits & SYN) != 0 ? 0 : <u32>c.receiveShift;
  const window = (bits & RST) != 0 ? 0 : windowAdvertise(c);
  if (length > 0) ringRead(sendRing(c), sequence - c.sendUnacknowledged, at + <usize>header, length);
  const acknowledgment = (bits & ACK) != 0 ? c.receiveNext : 0;
  tcpEmit(at, c.localPort, c.peerPort, sequence, acknowledgment, header, bits, min(window >> shift, 65_535));
  const result = ipv4Send(
    c.localAddress,
    c.peerAddress,
    <u8>PROTOCOL_TCP,
    header + length,
    c.mss,
    TCP_CHECKSUM_OFFSET,
  );
  if (result == SEND_DEVICE_FULL) return result;
  c.lastSendNs = nowNs;
  if ((bits & ACK) != 0) {
    c.flags &= ~(ACK_NOW | ACK_DELAYED);
    c.acknowledgeNs = NEVER_NS;
    c.unacknowledgedBytes = 0;
    c.lastAckSent = c.receiveNext;
  }
  return result;
}

/** A bare acknowledgement; false: the device is full and it stays due. */
export function sendAck(c: Connection): bool {
  if (sendSegment(c, ACK, c.sendNext, 0) != SEND_DEVICE_FULL) return true;
  c.flags |= ACK_NOW;
  return false;
}

/** An acknowledgement that a stranger might provoke: at most CHALLENGE_LIMIT per period (RFC 5961 §7). */
export function sendChallenge(c: Connection): void {
  if (nowNs - c.challengePeriodNs >= CHALLENGE_PERIOD_NS || c.challengePeriodNs == 0) {
    c.challengePeriodNs = nowNs;
    c.challengeCount = 0;
  }
  if (c.challengeCount >= CHALLENGE_LIMIT) return;
  c.challengeCount++;
  sendSegment(c, ACK, c.sendNext, 0);
}

/** Resets a synchronised connection's peer. */
export function sendReset(c: Connection): void {
  sendSegment(c, RST | ACK, c.sendNext, 0);
}

function sendBare(sequence: u32, acknowledgment: u32, bits: u32, optionBytes: u32, window: u32): void {
  const header = TCP_HEADER_BYTES + optionBytes;
  tcpEmit(
    transportBuffer(),
    segmentDestinationPort,
    segmentSourcePort,
    sequence,
    acknowledgment,
    header,
    bits,
    window,
  );
  ipv4Send(segmentDestination, segmentSource, <u8>PROTOCOL_TCP, header, 0, TCP_CHECKSUM_OFFSET);
}

/** Answers the current segment with a reset (RFC 9293 §3.10.7.1). */
export function answerReset(): void {
  if ((segmentBits & RST) != 0) return;
  if ((segmentBits & ACK) != 0) sendBare(segmentAck, 0, RST, 0, 0);
  else sendBare(0, segmentSequence + segmentLength(), RST | ACK, 0, 0);
}

/** Refuses the SYN that `c` holds. */
export function answerResetTo(c: Connection): void {
  tcpEmit(transportBuffer(), c.localPort, c.peerPort, 0, c.receiveNext, TCP_HEADER_BYTES, RST | ACK, 0);
  ipv4Send(c.localAddress, c.peerAddress, <u8>PROTOCOL_TCP, TCP_HEADER_BYTES, 0, TCP_CHECKSUM_OFFSET);
}

/** Answers the current SYN with a cookie and no state. `timestamp` and `echo` count when `timestamps`; `shift` -1: no scaling. */
export function answerCookie(
  cookie: u32,
  timestamps: bool,
  timestamp: u32,
  echo: u32,
  sack: bool,
  shift: i32,
  window: u32,
): void {
  const at = transportBuffer() + <usize>TCP_HEADER_BYTES;
  emitMaximumSegmentSize(at, announcedMss(segmentSource));
  let length = MAXIMUM_SEGMENT_SIZE_BYTES;
  if (timestamps) {
    emitTimestamps(at + length, timestamp, echo);
    length += TIMESTAMPS_BYTES;
    if (sack) {
      emitSackPermitted(at + length);
      length += SACK_PERMITTED_BYTES;
    }
    if (shift >= 0) {
      emitWindowScale(at + length, <u32>shift);
      length += WINDOW_SCALE_BYTES;
    }
  }
  sendBare(cookie, segmentSequence + 1, SYN | ACK, length, window);
}
