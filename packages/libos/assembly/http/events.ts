// The queue of events for the application. In: connections that need attention. Out: one event a call.
// May import: platform, time, and all of http below it.
import { nowNs } from '../time/clock';
import { Timer } from '../time/timers';
import { advanceClient } from './client-connection';
import { connectionTimer, nextToAttend, ROLE_SERVER } from './connection';
import { forgetHead } from './event';
import { advanceServer } from './server-connection';

/**
 * Works until there is something to tell; false: nothing more now. Reads the event from `httpEventKind`,
 * `httpEventExchange`, `httpEventError`. Call it until false after TCP input, timers and each dispatch.
 */
export function httpNextEvent(): bool {
  forgetHead();
  while (true) {
    const connection = nextToAttend();
    if (connection == null) return false;
    const event = connection.role == ROLE_SERVER ? advanceServer(connection) : advanceClient(connection);
    if (event != 0) return true;
  }
}

/** A timer of kind TIMER_HTTP has expired. */
export function httpTimer(timer: Timer): void {
  connectionTimer(timer, nowNs);
}
