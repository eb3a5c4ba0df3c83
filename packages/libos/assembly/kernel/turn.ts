// The turn loop (docs/architecture.md, "A turn"). In: the platform's calls. Out: the next deadline.
// May import: everything below kernel/.
import { boundThreshold, limitMemory } from '../engine/context';
import { httpTimer } from '../http/index';
import { DISPATCH_START, DISPATCH_STOP, DISPATCH_TIMER, EVENT_STOP } from '../platform/index';
import { randomStart } from '../platform/random';
import { clockSet, nowNs } from '../time/clock';
import { NEVER_NS, TIMER_HTTP, takeExpired } from '../time/timers';
import { EVALUATED, evaluateKept, evaluationState, FAILED, PENDING } from './application';
import { startClock } from './clock';
import { configureNetwork, configureTcp } from './configure';
import { configureHttp } from './configure-http';
import { applicationDeadlineNs, takeApplicationDeadline } from './deadline';
import { dispatchEvent, hasDispatchFunction } from './dispatch';
import { deliverEvents } from './events';
import { networkFlush, networkReceive, networkStart, networkTimer } from './network';
import { findParameter, readParameters, valueAsU32 } from './parameters';
import { exitWhenDrained, markStarted, markStopping, requestExit } from './phase';

/** Exit code of an application whose top level throws at start. */
const EXIT_TOP_LEVEL_THREW: u32 = 1;
/** Exit code of a start parameter that cannot be used. */
const EXIT_BAD_PARAMETER: u32 = 2;

/** PENDING until the top level has run to its end. */
let evaluation: u32 = EVALUATED;

/** `start` of the platform interface. */
export function startUnikernel(nowMonotonicNs: u64, nowWallNs: u64): u64 {
  startClock(nowMonotonicNs, nowWallNs);
  readParameters();
  randomStart();
  const tcpConfigured = configureTcp();
  networkStart();
  markStarted();
  if (findParameter('memory.engine') && valueAsU32() > 0) limitMemory(valueAsU32());
  if (!tcpConfigured || !configureHttp() || !configureNetwork()) {
    requestExit(EXIT_BAD_PARAMETER);
    return NEVER_NS;
  }
  evaluation = evaluateKept();
  afterEvaluation();
  deliverEvents();
  return endTurn();
}

/** `turn` of the platform interface. */
export function turnUnikernel(nowMonotonicNs: u64, nowWallNs: u64, events: u32): u64 {
  clockSet(nowMonotonicNs, nowWallNs);
  networkReceive();
  expireTimers();
  deliverEvents();
  if (takeApplicationDeadline()) {
    deliver(DISPATCH_TIMER);
    deliverEvents();
  }
  if (evaluation == PENDING) {
    evaluation = evaluationState();
    if (evaluation != PENDING) afterEvaluation();
  }
  if ((events & EVENT_STOP) != 0) {
    markStopping();
    if (hasDispatchFunction()) dispatchEvent(DISPATCH_STOP);
    else requestExit(0);
    deliverEvents();
  }
  return endTurn();
}

function expireTimers(): void {
  while (true) {
    const timer = takeExpired(nowNs);
    if (timer === null) return;
    if (!networkTimer(timer) && timer.kind == TIMER_HTTP) httpTimer(timer);
  }
}

function deliver(kind: u32): void {
  if (hasDispatchFunction()) dispatchEvent(kind);
}

function afterEvaluation(): void {
  if (evaluation == EVALUATED) deliver(DISPATCH_START);
  else if (evaluation == FAILED) requestExit(EXIT_TOP_LEVEL_THREW);
}

/** Sends what became due; returns the earliest deadline. */
function endTurn(): u64 {
  boundThreshold();
  const networkDeadlineNs = networkFlush();
  return min(networkDeadlineNs, min(applicationDeadlineNs, exitWhenDrained()));
}
