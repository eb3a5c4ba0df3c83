/**
 * The segment being processed, as module variables: RFC 9293's SEG.SEQ, SEG.ACK, SEG.LEN, SEG.WND and the options.
 *
 * In: the datagram of `iface`. Out: the variables, and trimming to the window. May import: iface, wire, storage.
 */
import {
  datagramChecksumValid,
  datagramDestination,
  datagramLength,
  datagramPayload,
  datagramSource,
} from '../../iface/datagram';
import { checksumIsValid, sumAdd, sumBytes, sumPseudoHeader } from '../../wire/checksum';
import { PROTOCOL_TCP } from '../../wire/ipv4';
import {
  FIN,
  SYN,
  TCP_HEADER_BYTES,
  tcpAcknowledgment,
  tcpCheck,
  tcpControlBits,
  tcpDestinationPort,
  tcpHeaderBytes,
  tcpSequence,
  tcpSourcePort,
  tcpWindow,
} from '../../wire/tcp';
import { optionsParse } from '../../wire/tcp-options';

export let segmentSource: u32 = 0;
export let segmentDestination: u32 = 0;
export let segmentSourcePort: u32 = 0;
export let segmentDestinationPort: u32 = 0;
export let segmentSequence: u32 = 0;
export let segmentAck: u32 = 0;
export let segmentBits: u32 = 0;
/** As in the header, not scaled. */
export let segmentWindow: u32 = 0;
export let segmentPayload: usize = 0;
export let segmentBytes: u32 = 0;

/** Checks the datagram and takes it apart; false: not a TCP segment, or damaged. */
export function segmentParse(): bool {
  const at = datagramPayload;
  if (!tcpCheck(at, datagramLength)) return false;
  if (!datagramChecksumValid) {
    const pseudo = sumPseudoHeader(datagramSource, datagramDestination, PROTOCOL_TCP, datagramLength);
    if (!checksumIsValid(sumAdd(pseudo, sumBytes(at, datagramLength)))) return false;
  }
  const headerBytes = tcpHeaderBytes(at);
  segmentSource = datagramSource;
  segmentDestination = datagramDestination;
  segmentSourcePort = tcpSourcePort(at);
  segmentDestinationPort = tcpDestinationPort(at);
  segmentSequence = tcpSequence(at);
  segmentAck = tcpAcknowledgment(at);
  segmentBits = tcpControlBits(at);
  segmentWindow = tcpWindow(at);
  segmentPayload = at + <usize>headerBytes;
  segmentBytes = datagramLength - headerBytes;
  optionsParse(at + <usize>TCP_HEADER_BYTES, headerBytes - TCP_HEADER_BYTES);
  return true;
}

/** SEG.LEN: payload, SYN and FIN. */
export function segmentLength(): u32 {
  return segmentBytes + (segmentBits & SYN ? 1 : 0) + (segmentBits & FIN ? 1 : 0);
}

/** Takes `length` sequence numbers off the front; a SYN goes first. */
export function segmentTrimFront(length: u32): void {
  segmentSequence += length;
  if (length > 0 && (segmentBits & SYN) != 0) {
    segmentBits &= ~SYN;
    length--;
  }
  const bytes = min(length, segmentBytes);
  segmentPayload += bytes;
  segmentBytes -= bytes;
  if (length > bytes) segmentBits &= ~FIN;
}

/** Keeps the first `bytes` of payload and drops the FIN. */
export function segmentTrimEnd(bytes: u32): void {
  segmentBytes = bytes;
  segmentBits &= ~FIN;
}
