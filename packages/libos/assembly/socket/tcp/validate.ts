/**
 * Whether an arriving segment may be believed: sequence, timestamp and acknowledgment number
 * (RFC 9293 §3.10.7.4, RFC 7323 §5.3, RFC 5961 §5). Nothing here changes a connection: a segment that fails one check
 * must leave nothing behind, or a forged one would make the genuine ones fail.
 *
 * In: the current segment and a connection. Out: answers. May import: time, wire.
 */
import { NS_PER_S, nowNs } from '../../time/clock';
import { optionTimestampEcho, optionTimestampValue } from '../../wire/tcp-options';
import { Connection } from './connection';
import { timestampClock } from './initial-sequence';
import { segmentAck, segmentSequence } from './segment';
import { after, before, beforeOrAt } from './sequence';
import { windowKnown } from './window';

/** RFC 7323 §5.5: after 24 days without a segment the recent timestamp is no measure any more. */
const TIMESTAMP_LIFETIME_NS: u64 = 24 * 24 * 3600 * NS_PER_S;

/** RFC 9293 §3.10.7.4, first check; a closed window still takes acknowledgements, so data at its edge may pass. */
export function sequenceIsAcceptable(c: Connection, length: u32): bool {
  const next = c.receiveNext;
  const edge = next + windowKnown(c);
  if (length == 0) return !before(segmentSequence, next) && !after(segmentSequence, edge);
  return (
    after(segmentSequence + length, next) &&
    (before(segmentSequence, edge) || beforeOrAt(segmentSequence, next))
  );
}

/** PAWS (RFC 7323 §5.3); false: an old duplicate. */
export function timestampIsFresh(c: Connection): bool {
  return (
    !before(optionTimestampValue, c.timestampRecent) || nowNs - c.timestampRecentNs > TIMESTAMP_LIFETIME_NS
  );
}

/**
 * Whether TSecr echoes a value that this connection can have sent. One that does not comes from no peer that has seen
 * our segments, so its TSval must not become TS.Recent: the genuine segments would then fail PAWS.
 */
export function echoIsPossible(c: Connection): bool {
  const clock = timestampClock() + c.timestampOffset;
  return clock - optionTimestampEcho <= clock - c.timestampFirst;
}

/**
 * RFC 5961 §5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, and nothing before our first byte, which no peer can have
 * acknowledged.
 */
export function acknowledgmentIsAcceptable(c: Connection): bool {
  const oldest = c.sendUnacknowledged - min(c.sendWindowLargest, c.acknowledgedBytes);
  return !before(segmentAck, oldest) && !after(segmentAck, c.sendNext);
}
