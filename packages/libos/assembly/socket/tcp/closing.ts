/**
 * The end of connections: TIME-WAIT, resets, time-outs, and who is told.
 *
 * In: connections and reasons. Out: events, freed objects. May import: platform, storage, time.
 */
import { SOCKET_EVENT_CLOSED, SOCKET_EVENT_READABLE } from '../../platform/index';
import { nowNs } from '../../time/clock';
import { NEVER_NS, timerStop } from '../../time/timers';
import { TIME_WAIT_NS } from './configuration';
import {
  ACCEPTED,
  CLOSE_TOLD,
  Connection,
  connectionForget,
  FIN_QUEUED,
  GONE,
  NO_DELAY,
  RELEASED,
  RESET_DUE,
  rangesGive,
  receiveRing,
  sendRing,
  timerOf,
} from './connection';
import { sendReset } from './emit';
import { raise } from './events';
import { peerClosed, ringGive } from './peers';
import { Queue, queueFirst, queuePut, queueRemove } from './queue';
import { schedule } from './schedule';
import { CLOSED, HELD, SYN_SENT, TIME_WAIT } from './state';
import { tableRemove } from './table';

const timeWaiting: Queue = changetype<Queue>(memory.data(16, 8));

/** Gives back what only an open connection needs; received bytes stay readable. */
function stopSending(c: Connection): void {
  timerStop(timerOf(c));
  ringGive(c, sendRing(c));
  rangesGive(c.scoreboard);
  rangesGive(c.holes);
  c.scoreboard = 0;
  c.holes = 0;
}

/** Gives the object back; when a list still holds it, the list does so as it lets go. */
export function connectionFree(c: Connection): void {
  stopSending(c);
  ringGive(c, receiveRing(c));
  c.flags |= GONE;
  connectionForget(c);
}

function tellClosed(c: Connection): void {
  if ((c.flags & CLOSE_TOLD) != 0) return;
  c.flags |= CLOSE_TOLD;
  raise(c, SOCKET_EVENT_READABLE | SOCKET_EVENT_CLOSED);
}

/** Ends `c` at once. `error` 0: normally. Freed when its owner has released it, or never knew it. */
export function closeNow(c: Connection, error: i32): void {
  c.state = CLOSED;
  if (c.error == 0) c.error = error;
  c.retransmitNs = NEVER_NS;
  c.acknowledgeNs = NEVER_NS;
  c.keepAliveNs = NEVER_NS;
  c.stateNs = NEVER_NS;
  tableRemove(c);
  queueRemove(c);
  peerClosed(c);
  c.listener = 0;
  if ((c.flags & RELEASED) != 0 || (c.flags & ACCEPTED) == 0) {
    connectionFree(c);
    return;
  }
  stopSending(c);
  tellClosed(c);
}

/** Resets the peer (where it has a connection to reset) and ends `c`. */
export function abortNow(c: Connection, error: i32): void {
  if (c.state != CLOSED && c.state != SYN_SENT && c.state != TIME_WAIT && c.state != HELD) sendReset(c);
  closeNow(c, error);
}

/**
 * Bytes have come that nobody will read: the peer must learn that they are lost (RFC 1122 §4.2.2.13, RFC 2525 §2.17).
 * What we still send arrives first, as a reset would destroy it; until then nothing more is acknowledged.
 */
export function resetWhenSent(c: Connection): void {
  if (sendRing(c).length == 0) abortNow(c, 0);
  else c.flags = (c.flags | RESET_DUE | NO_DELAY) & ~FIN_QUEUED;
}

/** Both directions are closed and ours was acknowledged last or together: 2 MSL of quiet (RFC 9293 §3.3.2). */
export function enterTimeWait(c: Connection): void {
  c.state = TIME_WAIT;
  c.retransmitNs = NEVER_NS;
  c.keepAliveNs = NEVER_NS;
  stopSending(c);
  if ((c.flags & RELEASED) != 0) ringGive(c, receiveRing(c));
  queueRemove(c);
  peerClosed(c);
  queuePut(timeWaiting, c);
  c.stateNs = nowNs + TIME_WAIT_NS;
  schedule(c);
  tellClosed(c);
}

/** A FIN has come again: the wait starts anew. */
export function restartTimeWait(c: Connection): void {
  queueRemove(c);
  queuePut(timeWaiting, c);
  c.stateNs = nowNs + TIME_WAIT_NS;
  schedule(c);
}

export function timeWaitCount(): u32 {
  return timeWaiting.count;
}

/** Ends the oldest TIME-WAIT early, to make room; false: there is none. */
export function recycleTimeWait(): bool {
  const oldest = queueFirst(timeWaiting);
  if (oldest === null) return false;
  closeNow(oldest, 0);
  return true;
}
