// Takes a head out of TCP's buffer: whole ones are read in place, parts move to a head of their own.
// In: a connection. Out: a finished or wrong head. May import: socket, connection, head, parse.
import { tcpConsume, tcpPeek, tcpPeekLength } from '../socket/tcp/index';
import { Connection } from './connection';
import { detachHead, HEAD_DONE, Head, isDetached, releaseHead, sharedHead } from './head';
import { parseCarried, parseHead } from './parse';

/** Status of a head that cannot be kept because too many others are incomplete. */
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
      const detached = detachHead(head);
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
  return head;
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
