/**
 * Look-up of a connection by its four numbers: chained hash table under a secret (SipHash-1-3).
 *
 * In: addresses and ports. Out: the connection. May import: storage, platform.
 */
import { randomU64, sipHash13 } from '../../platform/random';
import { arenaAllocate } from '../../storage/arena';
import { maximumConnections } from './configuration';
import { Connection, LISTED } from './connection';

let buckets: usize = 0;
let mask: u32 = 0;
let key0: u64 = 0;
let key1: u64 = 0;

/** Makes the table (once) and draws its secret; while it is empty. */
export function tableStart(): void {
  key0 = randomU64();
  key1 = randomU64();
  if (buckets != 0) return;
  let size: u32 = 64;
  while (size < maximumConnections) size <<= 1;
  mask = size - 1;
  buckets = arenaAllocate(<usize>size * sizeof<usize>());
}

function bucket(localAddress: u32, localPort: u32, peerAddress: u32, peerPort: u32): usize {
  const hash = sipHash13(
    key0,
    key1,
    ((<u64>localAddress) << 32) | <u64>peerAddress,
    ((<u64>localPort) << 16) | <u64>peerPort,
  );
  return buckets + <usize>(<u32>hash & mask) * sizeof<usize>();
}

/** The connection with these four numbers, or null. */
export function tableFind(
  localAddress: u32,
  localPort: u32,
  peerAddress: u32,
  peerPort: u32,
): Connection | null {
  let at = load<usize>(bucket(localAddress, localPort, peerAddress, peerPort));
  while (at != 0) {
    const c = changetype<Connection>(at);
    if (
      c.peerAddress == peerAddress &&
      <u32>c.peerPort == peerPort &&
      <u32>c.localPort == localPort &&
      c.localAddress == localAddress
    )
      return c;
    at = c.hashNext;
  }
  return null;
}

export function tableInsert(c: Connection): void {
  const head = bucket(c.localAddress, c.localPort, c.peerAddress, c.peerPort);
  c.hashNext = load<usize>(head);
  store<usize>(head, changetype<usize>(c));
  c.flags |= LISTED;
}

export function tableRemove(c: Connection): void {
  if ((c.flags & LISTED) == 0) return;
  c.flags &= ~LISTED;
  const head = bucket(c.localAddress, c.localPort, c.peerAddress, c.peerPort);
  let at = load<usize>(head);
  if (at == changetype<usize>(c)) {
    store<usize>(head, c.hashNext);
    return;
  }
  while (at != 0) {
    const before = changetype<Connection>(at);
    if (before.hashNext == changetype<usize>(c)) {
      before.hashNext = c.hashNext;
      return;
    }
    at = before.hashNext;
  }
}
