// Sends bytes through TCP and keeps what TCP has no room for, within one budget.
// In: bytes. Out: bytes to TCP, in order. May import: socket, time, connection, limits.
import { ERROR_ENOBUFS } from '../platform/index';
import { tcpSend, tcpSendSpace } from '../socket/tcp/index';
import { nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';
import { armTimer, Connection } from './connection';
import { limits } from './limits';

let pendingBytes: u64 = 0;

/** Bytes kept for all connections. */
export function outputPendingBytes(): u64 {
  return pendingBytes;
}

/** Whether bytes wait for room in TCP. */
export function hasPending(connection: Connection): bool {
  return connection.pendingLength != 0;
}

/** Whether `length` bytes can be taken: by TCP now, or kept. */
export function outputFits(connection: Connection, length: u64): bool {
  const room: u64 = hasPending(connection) ? 0 : tcpSendSpace(connection.tcp);
  return length <= room || pendingBytes + length - room <= <u64>limits.pendingBytes;
}

/** Sends all bytes, now or when TCP has room. Returns 0, ENOBUFS (nothing was sent) or TCP's error. */
export function output(connection: Connection, source: usize, length: u32): i32 {
  if (!outputFits(connection, <u64>length)) return ERROR_ENOBUFS;
  let taken: u32 = 0;
  if (!hasPending(connection)) {
    const result = tcpSend(connection.tcp, source, length);
    if (result < 0) return result;
    taken = <u32>result;
  }
  if (taken < length) keep(connection, source + <usize>taken, length - taken);
  return 0;
}

/** Appends to what is pending. */
function keep(connection: Connection, source: usize, length: u32): void {
  const left = connection.pendingLength - connection.pendingTaken;
  const block = heap.alloc(<usize>left + <usize>length);
  if (left > 0) memory.copy(block, connection.pending + <usize>connection.pendingTaken, left);
  memory.copy(block + <usize>left, source, length);
  const fresh = !hasPending(connection);
  if (!fresh) heap.free(connection.pending);
  pendingBytes += <u64>(left + length) - <u64>connection.pendingLength;
  connection.pending = block;
  connection.pendingLength = left + length;
  connection.pendingTaken = 0;
  if (fresh) noteSendWait(connection);
}

/** TCP has no room: the peer must take something within the send timeout. */
export function noteSendWait(connection: Connection): void {
  connection.sendDeadlineNs = nowNs + limits.sendTimeoutNs;
  armTimer(connection);
}

/** Gives TCP what it has room for now; true when nothing is pending any more. */
export function flush(connection: Connection): bool {
  if (!hasPending(connection)) return true;
  const left = connection.pendingLength - connection.pendingTaken;
  const result = tcpSend(connection.tcp, connection.pending + <usize>connection.pendingTaken, left);
  if (result <= 0) return false;
  connection.pendingTaken += <u32>result;
  if (connection.pendingTaken == connection.pendingLength) dropPending(connection);
  else noteSendWait(connection);
  return !hasPending(connection);
}

/** Forgets what is pending. */
export function dropPending(connection: Connection): void {
  if (!hasPending(connection)) return;
  heap.free(connection.pending);
  pendingBytes -= <u64>connection.pendingLength;
  connection.pending = 0;
  connection.pendingLength = 0;
  connection.pendingTaken = 0;
  connection.sendDeadlineNs = NEVER_NS;
}
