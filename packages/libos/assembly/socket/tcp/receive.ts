/**
 * Payload and FIN of an arriving segment: straight into the receive ring, in order or ahead of it
 * (RFC 9293 §3.10.7.4 steps 7 and 8), and when to acknowledge (RFC 5681 §4.2).
 *
 * In: the current segment, trimmed to the window. Out: readable bytes, acknowledgements due.
 * May import: platform, storage, time, wire.
 */
import { SOCKET_EVENT_READABLE } from '../../platform/index';
import {
  overlapEnd,
  overlapStart,
  Ranges,
  rangeEnd,
  rangeStart,
  rangesInsert,
  rangesOverlap,
  rangesTrimBefore,
} from '../../storage/reassembler';
import { ringWrite } from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { FIN } from '../../wire/tcp';
import { enterTimeWait, resetWhenSent } from './closing';
import { DELAYED_ACK_NS } from './configuration';
import {
  ACK_DELAYED,
  ACK_NOW,
  Connection,
  FIN_AHEAD,
  FIN_RECEIVED,
  has,
  RELEASED,
  rangesGive,
  rangesTake,
  receiveRing,
} from './connection';
import { announcedMss, sendAck } from './emit';
import { raise } from './events';
import { ringGrow } from './peers';
import { noteDuplicate, noteOutOfOrder } from './sack';
import { schedule } from './schedule';
import { segmentBits, segmentBytes, segmentPayload, segmentSequence } from './segment';
import { before } from './sequence';
import { CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 } from './state';

/** Every second segment, or two full ones, at the end of the turn; a single one after a delay. */
function acknowledgeLater(c: Connection, bytes: u32): void {
  c.unacknowledgedBytes += bytes;
  if (bytes > c.receiveMss) c.receiveMss = min(bytes, announcedMss(c.peerAddress));
  if (has(c, ACK_DELAYED) || c.unacknowledgedBytes >= c.receiveMss << 1) {
    c.flags |= ACK_NOW;
    return;
  }
  c.flags |= ACK_DELAYED;
  c.acknowledgeNs = nowNs + DELAYED_ACK_NS;
  schedule(c);
}

/** Counts in what had come ahead and now follows. */
function closeHole(c: Connection): void {
  const ranges = changetype<Ranges>(c.holes);
  const ring = receiveRing(c);
  rangesTrimBefore(ranges, c.receiveNext);
  // The ranges are disjoint and sorted: only the first can follow.
  if (ranges.count > 0 && rangeStart(ranges, 0) == c.receiveNext) {
    const end = rangeEnd(ranges, 0);
    ring.length += end - c.receiveNext;
    c.receiveNext = end;
    rangesTrimBefore(ranges, end);
  }
  c.flags |= ACK_NOW;
  if (ranges.count > 0) return;
  rangesGive(c.holes);
  c.holes = 0;
}

function receiveInOrder(c: Connection): void {
  const bytes = segmentBytes;
  const ring = receiveRing(c);
  noteOverlap(c);
  if (!ringGrow(c, ring, ring.length + bytes)) {
    c.flags |= ACK_NOW;
    return;
  }
  ringWrite(ring, ring.length, segmentPayload, bytes);
  ring.length += bytes;
  c.receiveNext += bytes;
  if (c.holes != 0) closeHole(c);
  else acknowledgeLater(c, bytes);
  raise(c, SOCKET_EVENT_READABLE);
}

/** What of the current segment is already there, beyond a hole, is reported (RFC 2883 §4). */
function noteOverlap(c: Connection): void {
  if (c.holes == 0) return;
  if (rangesOverlap(changetype<Ranges>(c.holes), segmentSequence, segmentSequence + segmentBytes))
    noteDuplicate(c, overlapStart, overlapEnd);
}

/** A hole precedes these bytes: kept ahead, and acknowledged at once (RFC 5681 §4.2). */
function receiveAhead(c: Connection): void {
  const ring = receiveRing(c);
  const end = segmentSequence + segmentBytes;
  const offset = ring.length + (segmentSequence - c.receiveNext);
  noteOverlap(c);
  if (ringGrow(c, ring, offset + segmentBytes)) {
    if (c.holes == 0) c.holes = rangesTake();
    if (rangesInsert(changetype<Ranges>(c.holes), segmentSequence, end)) {
      ringWrite(ring, offset, segmentPayload, segmentBytes);
      noteOutOfOrder(c, segmentSequence);
    }
  }
  sendAck(c);
}

/** The peer's FIN is next in order. */
function receiveFin(c: Connection): void {
  c.receiveNext++;
  c.flags = (c.flags | FIN_RECEIVED | ACK_NOW) & ~FIN_AHEAD;
  raise(c, SOCKET_EVENT_READABLE);
  if (c.state == ESTABLISHED) c.state = CLOSE_WAIT;
  else if (c.state == FIN_WAIT_1) c.state = CLOSING;
  else if (c.state == FIN_WAIT_2) enterTimeWait(c);
}

/** Takes payload and FIN; the connection may be gone afterwards. */
export function receive(c: Connection): void {
  // RFC 9293 §3.10.7.4: nothing follows a FIN.
  if (has(c, FIN_RECEIVED)) return;
  if (segmentBytes > 0) {
    if (has(c, RELEASED)) {
      resetWhenSent(c);
      return;
    }
    if (segmentSequence == c.receiveNext) receiveInOrder(c);
    else receiveAhead(c);
  }
  if ((segmentBits & FIN) != 0) {
    c.flags |= FIN_AHEAD;
    c.finSequence = segmentSequence + segmentBytes;
  }
  if (!has(c, FIN_AHEAD)) return;
  if (c.finSequence == c.receiveNext) receiveFin(c);
  // Bytes beyond it have come in order: it was not the end.
  else if (before(c.finSequence, c.receiveNext)) c.flags &= ~FIN_AHEAD;
}
