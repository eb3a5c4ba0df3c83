// Entry of http-testing.wasm: HTTP over the pipe of testing/tcp, for unit tests, fuzzing and measurements.
// In: the test's calls. Out: events, bytes. May import: http, testing, time.
import './platform/abort';
import { clientConnections, openExchanges } from './http/connection';
import { detachedHeads } from './http/head';
import * as http from './http/index';
import { outputPendingBytes } from './http/output';
import { pipeDeliver, pipeTaken } from './socket/tcp/index';
import { clockSet, nowNs } from './time/clock';
import { nextDeadlineNs, takeExpired, timersRunning } from './time/timers';

export * from './http/index';
export * from './socket/tcp/index';
export { clientConnections, detachedHeads, nextDeadlineNs, openExchanges, outputPendingBytes, timersRunning };

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

/** Serves the request at `source` on `handle` so often, as a kernel without an application would; for measuring. */
export function serve(
  handle: i32,
  source: usize,
  length: u32,
  body: usize,
  bodyLength: u32,
  times: u32,
): u32 {
  let served: u32 = 0;
  for (let i: u32 = 0; i < times; i++) {
    http.httpTcpEvent(handle, pipeDeliver(handle, source, length));
    while (http.httpNextEvent()) {
      const exchange = http.httpEventExchange;
      if (http.requestMethodLength(exchange) == 0 || http.requestTargetLength(exchange) == 0) return 0;
      if (http.httpRespond(exchange, 200, 0, 0, body, bodyLength) == 0) served++;
    }
    pipeTaken(handle);
  }
  return served;
}
