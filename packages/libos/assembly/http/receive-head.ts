// Takes a head out of TCP's buffer: whole ones are read in place, parts move to a head of their own.
// In: a connection. Out: a finished or wrong head. May import: socket, connection, head, parse.
import { tcpConsume, tcpPeek, tcpPeekLength } from '../socket/tcp/index';
import { attend, Connection, ROLE_SERVER, SEEN_HEAD_TAKEN } from './connection';
import {
  detachedHeadAt,
  detachHead,
  HEAD_DONE,
  Head,
  headsOf,
  isDetached,
  releaseHead,
  sharedHead,
} from './head';
import { parseCarried, parseHead } from './parse';

/** Status of a head that cannot be kept: the client's own are all that is incomplete. */
const OVERLOADED: u16 = 503;

/** Reads on; returns the head when it is complete or wrong, null when more must come. */
export function receiveHead(connection: Connection, isResponse: bool): Head | null {
  const length = tcpPeekLength(connection.tcp);
  if (length == 0) return null;
  const source = tcpPeek(connection.tcp);
  let head: Head;
  let taken: u32;
  if (connection.head != 0) {
    head = changetype<Head>(connection.head);
    taken = parseCarried(head, source, length);
  } else {
    head = sharedHead(isResponse);
    taken = parseHead(head, source, length);
    if (head.state != HEAD_DONE && head.error == 0) {
      const detached = detach(head, connection);
      if (detached != null) {
        connection.head = changetype<usize>(detached);
        head = detached;
        taken += parseCarried(head, source + <usize>taken, length - taken);
      } else head.error = OVERLOADED;
    }
  }
  tcpConsume(connection.tcp, taken);
  if (head.state != HEAD_DONE && head.error == 0) return null;
  connection.head = 0;
  head.owner = 0;
  return head;
}

/** A head of its own for the connection, if need be that of another; null: none can be had. */
function detach(head: Head, connection: Connection): Head | null {
  const owner = changetype<usize>(connection);
  const detached = detachHead(head, owner, connection.address);
  if (detached !== null || !takeHead()) return detached;
  return detachHead(head, owner, connection.address);
}

/** Takes the head of a server connection: of the peer that has most of them, the oldest. */
function takeHead(): bool {
  let victim: Head | null = null;
  let most: u32 = 0;
  for (let index: u32 = 0, head = detachedHeadAt(0); head !== null; head = detachedHeadAt(++index)) {
    if (head.owner == 0 || changetype<Connection>(head.owner).role != ROLE_SERVER) continue;
    const owned = headsOf(head.peer);
    if (owned < most || (owned == most && victim !== null && head.order > victim.order)) continue;
    victim = head;
    most = owned;
  }
  if (victim === null) return false;
  const loser = changetype<Connection>(victim.owner);
  dropHead(loser);
  loser.seen |= SEEN_HEAD_TAKEN;
  attend(loser);
  return true;
}

/** Forgets a head that has come in part. */
export function dropHead(connection: Connection): void {
  if (connection.head == 0) return;
  releaseHead(changetype<Head>(connection.head));
  connection.head = 0;
}

/** Gives back a head that nobody will look at. */
export function disposeHead(head: Head): void {
  if (isDetached(head)) releaseHead(head);
}
