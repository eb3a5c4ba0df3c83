// Entry of http-testing.wasm: HTTP over the pipe of testing/tcp, for unit tests, fuzzing and measurements.
// In: the test's calls. Out: events, bytes. May import: http, testing, time.
import './platform/abort';
import { clientConnections, openExchanges, serverConnections } from './http/connection';
import { detachedHeads } from './http/head';
import * as http from './http/index';
import { outputPendingBytes } from './http/output';
import { clockSet, nowNs, wallNs } from './time/clock';
import { nextDeadlineNs, takeExpired, timersRunning } from './time/timers';

export * from './http/index';
export * from './socket/tcp/index';
export {
  clientConnections,
  detachedHeads,
  nextDeadlineNs,
  openExchanges,
  outputPendingBytes,
  serverConnections,
  timersRunning,
};

/** Sets the clock and fires what is due. */
export function advanceClock(monotonicNs: u64, epochNs: u64): void {
  clockSet(monotonicNs, epochNs);
  while (true) {
    const timer = takeExpired(nowNs);
    if (timer == null) return;
    http.httpTimer(timer);
  }
}

export function allocate(bytes: u32): usize {
  return heap.alloc(bytes);
}
