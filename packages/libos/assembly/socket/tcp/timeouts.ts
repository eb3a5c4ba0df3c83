/**
 * What happens when a connection's deadlines come: retransmission, window probes, delayed acknowledgement, keep-alive,
 * the end of TIME-WAIT and its kin.
 *
 * In: the expired timer. Out: segments due, connections ended. May import: platform, time.
 */
import { ERROR_ETIMEDOUT } from '../../platform/index';
import { nowNs } from '../../time/clock';
import { NEVER_NS, Timer } from '../../time/timers';
import { abortNow, closeNow } from './closing';
import { DATA_RETRIES, ORPHAN_RETRIES, SYN_ACK_RETRIES, SYN_RETRIES } from './configuration';
import {
  ACK_DELAYED,
  ACK_NOW,
  Connection,
  GONE,
  has,
  PACED,
  PERSIST,
  RELEASED,
  SYN_DUE,
  TAIL_DUE,
  TIMING,
} from './connection';
import { keepAliveExpired } from './keep-alive';
import { timedOut } from './loss/recovery';
import { sendProbe } from './output';
import { retransmitDeadline } from './rtt';
import { markDirty, schedule } from './schedule';
import { CLOSED, HELD, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from './state';

function retriesAllowed(c: Connection): u32 {
  if (c.state == SYN_SENT) return SYN_RETRIES;
  if (c.state == SYN_RECEIVED) return SYN_ACK_RETRIES;
  return has(c, RELEASED) ? ORPHAN_RETRIES : DATA_RETRIES;
}

/** False: the connection is gone. */
function retransmitExpired(c: Connection): bool {
  c.retransmitNs = NEVER_NS;
  if (c.retries >= retriesAllowed(c)) {
    abortNow(c, c.softError != 0 ? c.softError : ERROR_ETIMEDOUT);
    return false;
  }
  c.retries++;
  if (c.state == SYN_SENT || c.state == SYN_RECEIVED) {
    c.backoff++;
    c.flags = (c.flags | SYN_DUE) & ~TIMING;
    markDirty(c);
    return true;
  }
  if (has(c, PERSIST) || c.sendWindow == 0) {
    c.flags |= PERSIST;
    c.backoff++;
    sendProbe(c);
    c.retransmitNs = retransmitDeadline(c);
    return true;
  }
  timedOut(c);
  c.probeNs = NEVER_NS;
  c.backoff++;
  c.retransmitNs = retransmitDeadline(c);
  markDirty(c);
  return true;
}

/** The end of TIME-WAIT or of an orphan's FIN-WAIT-2, or a SYN that nobody decided about. */
function stateExpired(c: Connection): void {
  c.stateNs = NEVER_NS;
  closeNow(c, c.state == HELD ? ERROR_ETIMEDOUT : 0);
}

/** Handles an expired timer of kind TIMER_TCP. */
export function tcpTimer(timer: Timer): void {
  const c = changetype<Connection>(timer.object);
  if (c.state == CLOSED || (c.flags & GONE) != 0) return;
  if (c.stateNs <= nowNs) {
    stateExpired(c);
    return;
  }
  if (c.acknowledgeNs <= nowNs) {
    c.acknowledgeNs = NEVER_NS;
    if (has(c, ACK_DELAYED)) {
      c.flags |= ACK_NOW;
      markDirty(c);
    }
  }
  if (c.state != TIME_WAIT) {
    if (c.retransmitNs <= nowNs && !retransmitExpired(c)) return;
    if (c.probeNs <= nowNs) {
      c.probeNs = NEVER_NS;
      c.flags |= TAIL_DUE;
      markDirty(c);
    }
    if (c.reorderNs <= nowNs) {
      c.reorderNs = NEVER_NS;
      markDirty(c);
    }
    if (has(c, PACED) && c.paceNs <= nowNs) {
      c.flags &= ~PACED;
      markDirty(c);
    }
    if (c.keepAliveNs <= nowNs && !keepAliveExpired(c)) return;
  }
  schedule(c);
}
