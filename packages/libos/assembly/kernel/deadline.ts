// The application's one deadline, of which the runtime makes all timers. In: milliseconds since start. Out: when the
// `timer` event is due. May import: time/, kernel/.
import { nowNs } from '../time/clock';
import { NEVER_NS } from '../time/timers';
import { startNs } from './clock';

/** Beyond this many milliseconds (292 years) is never. */
const LONGEST_MS: f64 = 9.2e12;

export let applicationDeadlineNs: u64 = NEVER_NS;

/** Sets the deadline; Infinity and NaN are never. */
export function setApplicationDeadline(deadlineMs: f64): void {
  if (!(deadlineMs < LONGEST_MS)) applicationDeadlineNs = NEVER_NS;
  else if (deadlineMs <= 0) applicationDeadlineNs = startNs;
  // Rounded up: an event must not come before its time.
  else applicationDeadlineNs = startNs + <u64>Math.ceil(deadlineMs * 1e6);
}

/** Takes the deadline when it has come. */
export function takeApplicationDeadline(): bool {
  if (applicationDeadlineNs > nowNs) return false;
  applicationDeadlineNs = NEVER_NS;
  return true;
}
