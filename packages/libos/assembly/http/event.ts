// The event that `httpNextEvent` reports, and the head that goes with it.
// In: what a connection decided. Out: module variables that the kernel reads. May import: connection, head.
import { Connection } from './connection';
import { Head, isDetached, releaseHead } from './head';

/** DISPATCH_HTTP_*. */
export let httpEventKind: u32 = 0;
export let httpEventExchange: i32 = 0;
/** Of DISPATCH_HTTP_CLOSED: why, negative. */
export let httpEventError: i32 = 0;

let currentHead: Head | null = null;
let currentExchange: i32 = 0;

/** Reports `kind` for the connection's exchange; returns `kind`. */
export function report(kind: u32, connection: Connection, error: i32): u32 {
  httpEventKind = kind;
  httpEventExchange = connection.exchange;
  httpEventError = error;
  return kind;
}

/** `head` belongs to the event that is reported, until the next one. */
export function keepHead(connection: Connection, head: Head): void {
  currentHead = head;
  currentExchange = connection.exchange;
}

/** The head of the exchange whose event is being handled; null for any other. */
export function headOf(exchange: i32): Head | null {
  return exchange == currentExchange ? currentHead : null;
}

/** Forgets the head of the last event. */
export function forgetHead(): void {
  const head = currentHead;
  if (head == null) return;
  if (isDetached(head)) releaseHead(head);
  currentHead = null;
  currentExchange = 0;
}
