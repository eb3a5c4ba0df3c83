/**
 * How owners open connections: listen and accept, deferred decisions, connect (RFC 9293 §3.10.1).
 *
 * In: addresses, ports, handles. Out: handles, negative ERROR_* values. May import: iface, platform, time.
 */
import { sourceAddressFor } from '../../iface/ipv4-output';
import {
  ERROR_EADDRINUSE,
  ERROR_EADDRNOTAVAIL,
  ERROR_EAGAIN,
  ERROR_ECONNREFUSED,
  ERROR_EINVAL,
  ERROR_ENETUNREACH,
  ERROR_ENOBUFS,
} from '../../platform/index';
import { randomU32 } from '../../platform/random';
import { NEVER_NS } from '../../time/timers';
import { closeNow } from './closing';
import { windowShift } from './configuration';
import { ACCEPTED, connectionOf, RELEASED, SACK, SCALING, SYN_DUE, TIMESTAMPS } from './connection';
import { answerResetTo, mssUpdate } from './emit';
import { raiseKept } from './events';
import { initialSequence, timestampClock, timestampOffset } from './initial-sequence';
import { acceptQueue, listenerCreate, listenerExact, listenerOf } from './listener';
import { beginSending, obtainConnection } from './passive-open';
import { queueFirst, queueRemove } from './queue';
import { markDirty } from './schedule';
import { HELD, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from './state';
import { tableFind, tableInsert } from './table';

/** Dynamic ports (RFC 6335 §6), tried from a random one on (RFC 6056 §3.3.2). */
const FIRST_DYNAMIC_PORT: u32 = 49_152;
const DYNAMIC_PORTS: u32 = 16_384;
/**
 * Listens on `address` (0 any) and `port` (0 with `deferred`: any). `backlog` bounds what waits to be accepted.
 * Deferred: a SYN is held unanswered, `tcpAccept` returns it, `tcpAcceptDeferred` or `tcpRefuseDeferred` decides.
 * Returns a handle, EADDRINUSE, EINVAL or ENOBUFS.
 */
export function tcpListen(address: u32, port: u16, backlog: u32, owner: u8, deferred: bool): i32 {
  if (port == 0 && !deferred) return ERROR_EINVAL;
  if (listenerExact(address, port) !== null) return ERROR_EADDRINUSE;
  const listener = listenerCreate(address, port);
  if (listener === null) return ERROR_ENOBUFS;
  listener.owner = owner;
  listener.deferred = deferred;
  listener.backlog = max(backlog, 1);
  return listener.handle;
}

/** The next connection of a listener: a handle, EAGAIN when none waits, EINVAL for another kind of handle. */
export function tcpAccept(handle: i32): i32 {
  const listener = listenerOf(handle);
  if (listener === null) return ERROR_EINVAL;
  const c = queueFirst(acceptQueue(listener));
  if (c === null) return ERROR_EAGAIN;
  queueRemove(c);
  c.listener = 0;
  raiseKept(c);
  return c.handle;
}

/** Answers a held SYN with a SYN-ACK; `connected` follows when the peer completes the handshake. 0 or EINVAL. */
export function tcpAcceptDeferred(handle: i32): i32 {
  const c = connectionOf(handle);
  if (c === null || c.state != HELD) return ERROR_EINVAL;
  c.state = SYN_RECEIVED;
  c.stateNs = NEVER_NS;
  c.flags |= SYN_DUE;
  markDirty(c);
  return 0;
}

/** Answers a held SYN with a reset; the handle is dead. */
export function tcpRefuseDeferred(handle: i32): void {
  const c = connectionOf(handle);
  if (c === null) return;
  if (c.state == HELD) answerResetTo(c);
  c.flags |= RELEASED;
  closeNow(c, ERROR_ECONNREFUSED);
}

function dynamicPort(localAddress: u32, peerAddress: u32, peerPort: u32): u32 {
  const first = randomU32();
  for (let step: u32 = 0; step < DYNAMIC_PORTS; step++) {
    const port = FIRST_DYNAMIC_PORT + ((first + step) & (DYNAMIC_PORTS - 1));
    if (tableFind(localAddress, port, peerAddress, peerPort) === null) return port;
  }
  return 0;
}

/**
 * Starts a connection; `connected` or `closed` follows. localAddress 0: by route; localPort 0: a free one.
 * Returns a handle, ENETUNREACH, EADDRINUSE, EADDRNOTAVAIL, EINVAL or ENOBUFS.
 */
export function tcpConnect(localAddress: u32, localPort: u16, address: u32, port: u16, owner: u8): i32 {
  if (address == 0 || port == 0) return ERROR_EINVAL;
  const source = localAddress == 0 ? sourceAddressFor(address) : localAddress;
  if (source == 0) return ERROR_ENETUNREACH;
  let sourcePort = <u32>localPort;
  if (sourcePort == 0) {
    sourcePort = dynamicPort(source, address, port);
    if (sourcePort == 0) return ERROR_EADDRNOTAVAIL;
  } else {
    const previous = tableFind(source, sourcePort, address, port);
    if (previous !== null) {
      if (previous.state != TIME_WAIT) return ERROR_EADDRINUSE;
      closeNow(previous, 0);
    }
  }
  const c = obtainConnection();
  if (c === null) return ERROR_ENOBUFS;
  c.localAddress = source;
  c.localPort = <u16>sourcePort;
  c.peerAddress = address;
  c.peerPort = port;
  c.owner = owner;
  c.state = SYN_SENT;
  c.timestampOffset = timestampOffset(source, sourcePort, address, port);
  c.timestampFirst = timestampClock() + c.timestampOffset;
  c.receiveShift = <u8>windowShift;
  c.flags |= ACCEPTED | SYN_DUE | TIMESTAMPS | SACK | SCALING;
  mssUpdate(c);
  beginSending(c, initialSequence(source, sourcePort, address, port));
  tableInsert(c);
  markDirty(c);
  return c.handle;
}
