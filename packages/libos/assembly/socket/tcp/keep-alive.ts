/**
 * Keep-alive (RFC 1122 §4.2.3.6): probes after an idle time, an end after as many without an answer.
 *
 * In: the option, the clock. Out: the keep-alive deadline, probes. May import: platform, time.
 */
import { ERROR_ETIMEDOUT } from '../../platform/index';
import { NS_PER_S, nowNs } from '../../time/clock';
import { NEVER_NS } from '../../time/timers';
import { abortNow } from './closing';
import { KEEP_ALIVE_INTERVAL_NS, KEEP_ALIVE_PROBES } from './configuration';
import { Connection } from './connection';
import { sendKeepAlive } from './output';
import { schedule } from './schedule';
import { CLOSE_WAIT, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 } from './state';

/** A peer that is expected to say something: also after our FIN, as it may have vanished without its own. */
function isProbed(c: Connection): bool {
  const state = c.state;
  return state == ESTABLISHED || state == CLOSE_WAIT || state == FIN_WAIT_1 || state == FIN_WAIT_2;
}

/** Starts or stops the waiting as the option says. */
export function armKeepAlive(c: Connection): void {
  c.probes = 0;
  c.keepAliveNs = NEVER_NS;
  if (c.keepAliveSeconds == 0 || !isProbed(c)) return;
  c.keepAliveNs = max(c.lastReceiveNs, nowNs) + <u64>c.keepAliveSeconds * NS_PER_S;
  schedule(c);
}

/** The deadline has come; false: the connection is gone. */
export function keepAliveExpired(c: Connection): bool {
  c.keepAliveNs = NEVER_NS;
  if (!isProbed(c)) return true;
  const idleNs = <u64>c.keepAliveSeconds * NS_PER_S;
  const heardNs = nowNs - c.lastReceiveNs;
  if (heardNs < min(idleNs, KEEP_ALIVE_INTERVAL_NS) || c.sendNext != c.sendUnacknowledged) {
    // Something was heard, or a retransmission asks the same question.
    c.probes = 0;
    c.keepAliveNs = c.lastReceiveNs + idleNs > nowNs ? c.lastReceiveNs + idleNs : nowNs + idleNs;
    return true;
  }
  if (heardNs < idleNs) {
    c.probes = 0;
    c.keepAliveNs = c.lastReceiveNs + idleNs;
    return true;
  }
  if (c.probes >= KEEP_ALIVE_PROBES) {
    abortNow(c, ERROR_ETIMEDOUT);
    return false;
  }
  c.probes++;
  sendKeepAlive(c);
  c.keepAliveNs = nowNs + min(idleNs, KEEP_ALIVE_INTERVAL_NS);
  return true;
}
