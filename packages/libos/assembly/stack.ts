/**
 * Entry of stack.wasm: the network stack alone, for the gateway and the tests.
 * In: calls of src/stack/. Out: the exports below. May import: everything but engine/ and http/.
 *
 * A turn is `stackReceive`, then the events (`networkUdpEvent`, …) are taken, then `stackFlush`. Between turns sockets
 * may be used after `clockSet`; a turn must follow.
 */
import { networkFlush, networkReceive, networkStart, networkTimer } from './kernel/network';
import { randomStart } from './platform/random';
import { clockSet, nowNs } from './time/clock';
import { takeExpired } from './time/timers';

export { dhcpStart, dhcpState, dhcpStop } from './dhcp/client';
export { cacheLength } from './dns/cache';
export { queryCount } from './dns/query';
export {
  dnsEventAddresses,
  dnsEventCount,
  dnsEventError,
  dnsEventQuery,
  dnsEventTtlSeconds,
  dnsNextEvent,
  dnsResolve,
  dnsServersChanged,
} from './dns/resolver';
export { arpAnnounce } from './iface/arp-output';
export { fragmentsPending } from './iface/fragments';
export { interfaceAddress, interfaceConfigure, interfaceSetAnyAddress } from './iface/interface';
export { neighbourCount } from './iface/neighbours';
export { interfaceSetAddress, routeAdd } from './iface/routes';
export { waitingBytesNow } from './iface/waiting';
export { fixSearch, fixServer } from './kernel/lease';
export { networkTcpEvent, networkUdpEvent } from './kernel/network';
export { connectionsInUse, rangesHeld } from './socket/tcp/connection';
export {
  eventBits,
  eventHandle,
  eventOwner,
  tcpAbort,
  tcpAccept,
  tcpAcceptDeferred,
  tcpConnect,
  tcpConsume,
  tcpError,
  tcpFinished,
  tcpListen,
  tcpLocalAddress,
  tcpLocalPort,
  tcpPeek,
  tcpPeekLength,
  tcpPeerAddress,
  tcpPeerPort,
  tcpReceive,
  tcpRefuseDeferred,
  tcpRelease,
  tcpSend,
  tcpSendSpace,
  tcpSetCongestion,
  tcpSetOption,
  tcpSetUser,
  tcpShutdown,
  tcpUser,
} from './socket/tcp/index';
export {
  localAddress,
  localPort,
  peerAddress,
  peerPort,
  udpBind,
  udpBindWildcard,
  udpClose,
  udpDropped,
  udpEventHandle,
  udpLocalPort,
  udpQueueBytes,
  udpReceive,
  udpSend,
  udpSendFrom,
  udpSocketCount,
  udpTakeError,
} from './socket/udp';
export { ringBytesUsed } from './storage/ring';
export { clockSet } from './time/clock';
export { timersRunning } from './time/timers';

/** Bytes passed between TypeScript and the stack: the largest datagram. */
const SCRATCH_BYTES: i32 = 65536;
const scratch: usize = memory.data(SCRATCH_BYTES, 16);

/** Address of 65,536 bytes for arguments and results. */
export function scratchAddress(): usize {
  return scratch;
}

/** First call: draws seeds. */
export function stackStart(monotonicNs: u64, epochNs: u64): void {
  clockSet(monotonicNs, epochNs);
  randomStart();
  networkStart();
}

/** Begins a turn: takes frames, runs timers. */
export function stackReceive(monotonicNs: u64, epochNs: u64): void {
  clockSet(monotonicNs, epochNs);
  networkReceive();
  while (true) {
    const timer = takeExpired(nowNs);
    if (timer === null) break;
    networkTimer(timer);
  }
}

/** Ends a turn; returns the next deadline, 2^64-1 for none. */
export function stackFlush(): u64 {
  return networkFlush();
}
