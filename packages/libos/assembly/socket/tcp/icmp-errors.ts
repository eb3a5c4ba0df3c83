/**
 * ICMP errors about our segments (RFC 1122 §4.2.3.9, RFC 5927, RFC 1191).
 *
 * In: the ICMP error variables of `iface`. Out: refused connects, noted soft errors, smaller segments.
 * May import: iface, platform.
 */
import {
  icmpErrorCode,
  icmpErrorDestination,
  icmpErrorDestinationPort,
  icmpErrorMtu,
  icmpErrorSequence,
  icmpErrorSource,
  icmpErrorSourcePort,
  icmpErrorType,
} from '../../iface/datagram';
import { PATH_FLOW_COMMON, pathMtuLearn } from '../../iface/path-mtu';
import { ERROR_ECONNREFUSED, ERROR_EHOSTUNREACH, ERROR_ENETUNREACH } from '../../platform/index';
import {
  CODE_FRAGMENTATION_NEEDED,
  CODE_PORT_UNREACHABLE,
  CODE_PROTOCOL_UNREACHABLE,
  ICMP_DESTINATION_UNREACHABLE,
} from '../../wire/icmpv4';
import { closeNow } from './closing';
import { Connection } from './connection';
import { mssUpdate } from './emit';
import { takeAllAsLost } from './recovery';
import { markDirty } from './schedule';
import { after, before } from './sequence';
import { SYN_RECEIVED, SYN_SENT } from './state';
import { tableFind } from './table';

const CODE_NETWORK_UNREACHABLE: u32 = 0;

/** The path takes smaller packets only: what is in flight was too large and goes out again, cut anew. */
function pathShrunk(c: Connection): void {
  pathMtuLearn(c.peerAddress, PATH_FLOW_COMMON, icmpErrorMtu);
  const before = c.mss;
  mssUpdate(c);
  if (c.mss >= before) return;
  takeAllAsLost(c);
  markDirty(c);
}

/** One ICMP error about TCP, as `receiveFrame` left it. */
export function tcpIcmpError(): void {
  if (icmpErrorType != ICMP_DESTINATION_UNREACHABLE) return;
  const c = tableFind(icmpErrorSource, icmpErrorSourcePort, icmpErrorDestination, icmpErrorDestinationPort);
  if (c === null) return;
  // RFC 5927 §4.1: only what is in flight can have caused it.
  if (before(icmpErrorSequence, c.sendUnacknowledged) || !before(icmpErrorSequence, c.sendNext)) return;
  const opening = c.state == SYN_SENT || c.state == SYN_RECEIVED;
  if (icmpErrorCode == CODE_FRAGMENTATION_NEEDED) {
    if (!opening) pathShrunk(c);
    return;
  }
  if (opening && (icmpErrorCode == CODE_PORT_UNREACHABLE || icmpErrorCode == CODE_PROTOCOL_UNREACHABLE)) {
    closeNow(c, ERROR_ECONNREFUSED);
    return;
  }
  // RFC 5927 §5.2: in synchronised states every error is soft.
  c.softError = icmpErrorCode == CODE_NETWORK_UNREACHABLE ? ERROR_ENETUNREACH : ERROR_EHOSTUNREACH;
}
