/**
 * Undoing a reduction that was for nothing (RFC 4015): the windows before it are kept until it is known whether what
 * was sent again had been lost. Three proofs: the echoed timestamp answers the first sending (Eifel, RFC 3522); bytes
 * never sent again were delivered after a timeout (F-RTO, RFC 5682); the peer reports all that was sent again as
 * duplicates (DSACK, RFC 3708).
 *
 * In: reductions, acknowledgements. Out: restored windows. May import: wire.
 */
import { optionTimestampEcho, optionTimestamps } from '../../../wire/tcp-options';
import { cubicRestore, cubicSave } from '../congestion/cubic';
import {
  Connection,
  has,
  RECOVERY_NONE,
  RECOVERY_TIMEOUT,
  REORDERED,
  RETRANSMIT,
  TIMESTAMPS,
  UNDO,
} from '../connection';
import { timestampClock } from '../initial-sequence';
import { before } from '../sequence';
import { flightNothingLost } from './flight';
import { duplicateEnd, duplicateReported, duplicateStart } from './selective';

/** The windows are about to be reduced and something sent again. */
export function undoSave(c: Connection): void {
  c.flags |= UNDO;
  c.undoWindow = c.congestionWindow;
  c.undoThreshold = c.slowStartThreshold;
  c.undoBytes = 0;
  c.undoStamp = timestampClock() + c.timestampOffset;
  cubicSave(c);
}

/** What was reduced stays so. */
export function undoForget(c: Connection): void {
  c.flags &= ~UNDO;
}

/** `bytes` were sent again. */
export function undoSentAgain(c: Connection, bytes: u32): void {
  if (has(c, UNDO)) c.undoBytes += bytes;
}

/** Whether the acknowledgement, which moves, answers a sending before anything was sent again. */
export function answersFirstSending(c: Connection): bool {
  return has(c, UNDO) && has(c, TIMESTAMPS) && optionTimestamps && before(optionTimestampEcho, c.undoStamp);
}

/** Takes the peer's report of a duplicate; true: all that was sent again had arrived before. */
export function undoDuplicate(c: Connection): bool {
  if (!has(c, UNDO) || !duplicateReported || c.undoBytes == 0) return false;
  c.undoBytes -= min(duplicateEnd - duplicateStart, c.undoBytes);
  return c.undoBytes == 0;
}

/** Restores the windows and ends the recovery (RFC 4015 §3.2). */
export function undo(c: Connection): void {
  c.flags &= ~(UNDO | RETRANSMIT);
  c.congestionWindow = max(c.congestionWindow, c.undoWindow);
  c.slowStartThreshold = max(c.slowStartThreshold, c.undoThreshold);
  cubicRestore(c);
  if (c.recovery != RECOVERY_TIMEOUT) c.flags |= REORDERED;
  c.recovery = RECOVERY_NONE;
  c.forwardRto = 0;
  c.duplicateAcks = 0;
  c.backoff = 0;
  flightNothingLost(c);
}
