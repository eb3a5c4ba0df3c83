/**
 * Listeners: who takes connections to an address and port, their accept queues and half-open counts.
 *
 * In: addresses and ports. Out: the listener that fits best: exact port before any port, exact address before any.
 * May import: storage.
 */
import { Pool, poolAt, poolCreate, poolGive, poolIndex, poolTake } from '../../storage/pool';
import { MAXIMUM_LISTENERS } from './configuration';
import { handleFor, Socket } from './connection';
import { Queue } from './queue';

const LISTENER_BIT: u32 = 1 << 30;
const BUCKETS: u32 = 256;

@unmanaged
export class Listener extends Socket {
  /** 0: any. */
  address: u32;
  /** 0: any port. */
  port: u16;
  /** The owner decides before the SYN is answered. */
  deferred: bool;
  /** Connections that may wait in the accept queue, and SYNs that may be half-open. */
  backlog: u32;
  /** When the last SYN cookie was sent; 0 never. */
  cookieNs: u64;
  next: usize;
}

const HALF_OPEN_OFFSET: usize = (offsetof<Listener>() + 7) & ~7;
const ACCEPT_OFFSET: usize = HALF_OPEN_OFFSET + ((offsetof<Queue>() + 7) & ~7);
const LISTENER_BYTES: usize = ACCEPT_OFFSET + ((offsetof<Queue>() + 7) & ~7);

/** Connections whose handshake is not complete. */
export function halfOpenQueue(listener: Listener): Queue {
  return changetype<Queue>(changetype<usize>(listener) + HALF_OPEN_OFFSET);
}

/** Connections (or held SYNs) that wait for `tcpAccept`. */
export function acceptQueue(listener: Listener): Queue {
  return changetype<Queue>(changetype<usize>(listener) + ACCEPT_OFFSET);
}

const buckets: usize = memory.data(1024, 8);
let pool: Pool = changetype<Pool>(0);

export function listenersCreate(): void {
  if (changetype<usize>(pool) == 0) pool = poolCreate(<u32>LISTENER_BYTES, MAXIMUM_LISTENERS);
}

export function listenersInUse(): u32 {
  return pool.live;
}

function bucketOf(port: u32): usize {
  return buckets + <usize>(port & (BUCKETS - 1)) * sizeof<usize>();
}

/** A listener of exactly this address and port, or null. */
export function listenerExact(address: u32, port: u32): Listener | null {
  for (let at = load<usize>(bucketOf(port)); at != 0; at = changetype<Listener>(at).next) {
    const listener = changetype<Listener>(at);
    if (<u32>listener.port == port && listener.address == address) return listener;
  }
  return null;
}

/** The listener that takes a SYN to `address`:`port`, or null. */
export function listenerFind(address: u32, port: u32): Listener | null {
  let listener = listenerExact(address, port);
  if (listener === null) listener = listenerExact(0, port);
  if (listener === null) listener = listenerExact(address, 0);
  if (listener === null) listener = listenerExact(0, 0);
  return listener;
}

/** A new listener, or null when there are too many. */
export function listenerCreate(address: u32, port: u32): Listener | null {
  const object = poolTake(pool);
  if (object == 0) return null;
  const listener = changetype<Listener>(object);
  listener.isListener = true;
  listener.handle = handleFor(poolIndex(pool, object), LISTENER_BIT);
  listener.address = address;
  listener.port = <u16>port;
  listener.next = load<usize>(bucketOf(port));
  store<usize>(bucketOf(port), object);
  return listener;
}

/** The listener of a handle, or null. */
export function listenerOf(handle: i32): Listener | null {
  const index = <u32>handle & 0xffff;
  if ((<u32>handle & LISTENER_BIT) == 0 || index == 0 || changetype<usize>(pool) == 0) return null;
  const object = poolAt(pool, index - 1);
  if (object == 0) return null;
  const listener = changetype<Listener>(object);
  return listener.handle == handle ? listener : null;
}

/** Takes the listener out of the look-up and gives it back; its queues must be empty. */
export function listenerFree(listener: Listener): void {
  const head = bucketOf(<u32>listener.port);
  if (load<usize>(head) == changetype<usize>(listener)) store<usize>(head, listener.next);
  else {
    let at = changetype<Listener>(load<usize>(head));
    while (at.next != changetype<usize>(listener)) at = changetype<Listener>(at.next);
    at.next = listener.next;
  }
  listener.handle = 0;
  listenerForget(listener);
}

/** The list of events has let go of a freed listener. */
export function listenerForget(listener: Listener): void {
  if (!listener.eventQueued) poolGive(pool, changetype<usize>(listener));
}
