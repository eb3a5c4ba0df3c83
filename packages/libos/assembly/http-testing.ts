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

// Limits that tests lower.
export function set_serverConnections(value: u32): void {
  http.httpLimits.serverConnections = value;
}

export function set_refusedConnections(value: u32): void {
  http.httpLimits.refusedConnections = value;
}

export function set_exchanges(value: u32): void {
  http.httpLimits.exchanges = value;
}

export function set_partialHeads(value: u32): void {
  http.httpLimits.partialHeads = value;
}

export function set_bodyBytes(value: u32): void {
  http.httpLimits.bodyBytes = value;
}

export function set_clientConnections(value: u32): void {
  http.httpLimits.clientConnections = value;
}

export function set_clientConnectionsPerHost(value: u32): void {
  http.httpLimits.clientConnectionsPerHost = value;
}

export function set_pendingBytes(value: u32): void {
  http.httpLimits.pendingBytes = value;
}
