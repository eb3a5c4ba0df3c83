/**
 * Events of sockets, coalesced per socket in an intrusive list: a socket is in it once, however much happens.
 *
 * In: bits raised. Out: `eventTake` in order of first raise. May import: connection, listener.
 */
import { ACCEPTED, Connection, connectionForget, GONE, RELEASED, Socket } from './connection';
import { Listener, listenerForget } from './listener';

let first: usize = 0;
let last: usize = 0;

/** What `eventTake` found. */
export let eventHandle: i32 = 0;
export let eventOwner: u8 = 0;
export let eventBits: u32 = 0;

function queue(socket: Socket): void {
  if (socket.eventQueued) return;
  socket.eventQueued = true;
  socket.eventNext = 0;
  if (last == 0) first = changetype<usize>(socket);
  else changetype<Socket>(last).eventNext = changetype<usize>(socket);
  last = changetype<usize>(socket);
}

/** Raises bits on a listener. */
export function raiseListener(socket: Socket, bits: u32): void {
  socket.eventBits |= bits;
  queue(socket);
}

/** Raises bits on a connection; kept until `tcpAccept` when its owner does not know it yet. */
export function raise(c: Connection, bits: u32): void {
  if ((c.flags & (RELEASED | GONE)) != 0) return;
  c.eventBits |= bits;
  if ((c.flags & ACCEPTED) != 0) queue(c);
}

/** The owner knows the connection now. */
export function raiseKept(c: Connection): void {
  c.flags |= ACCEPTED;
  if (c.eventBits != 0) queue(c);
}

/** Takes the next socket with events into the module variables; false: none. */
export function eventTake(): bool {
  while (first != 0) {
    const socket = changetype<Socket>(first);
    first = socket.eventNext;
    if (first == 0) last = 0;
    socket.eventQueued = false;
    const bits = socket.eventBits;
    socket.eventBits = 0;
    if (socket.isListener) {
      if (socket.handle == 0) {
        listenerForget(changetype<Listener>(changetype<usize>(socket)));
        continue;
      }
    } else {
      const c = changetype<Connection>(changetype<usize>(socket));
      if ((c.flags & GONE) != 0) {
        connectionForget(c);
        continue;
      }
      if ((c.flags & RELEASED) != 0) continue;
    }
    if (bits == 0) continue;
    eventHandle = socket.handle;
    eventOwner = socket.owner;
    eventBits = bits;
    return true;
  }
  return false;
}
