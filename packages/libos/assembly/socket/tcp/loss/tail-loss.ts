/**
 * Tail loss probe (RFC 8985 §7): when acknowledgements stop coming, one segment asks for one, long before the
 * retransmission timer would take everything as lost.
 *
 * In: what is in flight. Out: the probe's deadline, what a probe's answer means. May import: time.
 */
import { nowNs } from '../../../time/clock';
import { NEVER_NS } from '../../../time/timers';
import { congestionLoss } from '../congestion/index';
import { Connection, has, PERSIST, RECOVERY_NONE, SACK, TAIL_AGAIN, TAIL_PROBED } from '../connection';
import { segmentAck } from '../segment';
import { after, before } from '../sequence';
import { sackedBytes } from './flight';
import { duplicateReported } from './selective';

/** §7.2, WCDelAckT: a single segment may be acknowledged so much later. */
const DELAYED_ACK_MOST_US: u32 = 200_000;
/** What timers and turns add. */
const SLACK_US: u32 = 2_000;

/** Sets when to probe, counted from now (§7.2). Never later than the retransmission timer: then not at all. */
export function tailLossArm(c: Connection): void {
  c.probeNs = NEVER_NS;
  const flight = c.sendNext - c.sendUnacknowledged;
  if (
    flight == 0 ||
    !has(c, SACK) ||
    has(c, TAIL_PROBED | PERSIST) ||
    c.recovery != RECOVERY_NONE ||
    c.smoothedRttUs == 0 ||
    sackedBytes(c) > 0
  )
    return;
  const us = <u64>c.smoothedRttUs * 2 + (flight <= c.mss ? DELAYED_ACK_MOST_US : SLACK_US);
  const probeNs = nowNs + us * 1000;
  if (probeNs < c.retransmitNs) c.probeNs = probeNs;
}

/** A probe has gone out; `again`: it repeated the flight's last segment. */
export function tailLossProbed(c: Connection, again: bool): void {
  c.flags = (c.flags | TAIL_PROBED) & ~TAIL_AGAIN;
  if (again) c.flags |= TAIL_AGAIN;
  c.tailEnd = c.sendNext;
}

/** Whether the current acknowledgement ends a probe's episode, and by a loss that the probe mended (§7.4.2): that counts as congestion. */
export function tailLossAcknowledged(c: Connection, moved: bool, news: bool): void {
  if (!has(c, TAIL_PROBED) || before(segmentAck, c.tailEnd)) return;
  if (has(c, TAIL_AGAIN) && !duplicateReported) {
    if (after(segmentAck, c.tailEnd)) {
      congestionLoss(c, c.congestionWindow);
      c.congestionWindow = c.slowStartThreshold;
    } else if (moved || news) return;
  }
  c.flags &= ~(TAIL_PROBED | TAIL_AGAIN);
}
