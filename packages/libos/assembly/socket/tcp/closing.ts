/**
 * The end of connections: TIME-WAIT, resets, time-outs, and who is told.
 *
 * In: connections and reasons. Out: events, freed objects. May import: platform, storage, time.
 */
import { SOCKET_EVENT_CLOSED, SOCKET_EVENT_READABLE } from '../../platform/index';
import { ringFree } from '../../storage/ring';
import { nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { TIME_WAIT_NS } from './configuration';
import {
  ACCEPTED,
  CLOSE_TOLD,
  Connection,
  connectionFree,
  connectionStopSending,
  FIN_QUEUED,
  NO_DELAY,
  RELEASED,
  RESET_DUE,
  receiveRing,
  sendRing,
} from './connection';
import { sendReset } from './emit';
import { raise } from './events';
import { Queue, queueFirst, queuePut, queueRemove } from './queue';
import { schedule } from './schedule';
import { CLOSED, HELD, SYN_SENT, TIME_WAIT } from './state';
import { tableRemove } from './table';

const timeWaiting: Queue = changetype<Queue>(memory.data(16, 8));

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
  c.listener = 0;
  if ((c.flags & RELEASED) != 0 || (c.flags & ACCEPTED) == 0) {
    connectionFree(c);
    return;
  }
  connectionStopSending(c);
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
  connectionStopSending(c);
  if ((c.flags & RELEASED) != 0) ringFree(receiveRing(c));
  queueRemove(c);
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
