/**
 * One request and its response over TCP (RFC 7766): length prefix, query, response, close.
 * In: a query message. Out: the response. May import: socket, storage, wire.
 */

import { SOCKET_EVENT_CLOSED, SOCKET_EVENT_CONNECTED, SOCKET_EVENT_READABLE } from '../platform/index';
import { OWNER_DNS } from '../socket/owners';
import { tcpAbort, tcpConnect, tcpReceive, tcpSend } from '../socket/tcp/index';
import { load16, store16 } from '../storage/bytes';
import { DNS_PORT } from '../wire/dns';
import { Query, queryAt } from './query';
import { dnsTakeTcpAnswer, dnsTcpFailed } from './resolver';

const LENGTH_PREFIX_BYTES: u32 = 2;
/** Longest response taken: more than any answer with sixteen addresses needs. */
const RESPONSE_BYTES: u32 = 8192;

/** Connects to the query's server; the request is kept and sent when the connection is there. False: no socket. */
export function tcpExchangeOpen(query: Query, length: u32, request: usize): bool {
  const handle = tcpConnect(0, 0, query.server, <u16>DNS_PORT, OWNER_DNS);
  if (handle < 0) return false;
  query.tcp = handle;
  query.received = 0;
  query.buffer = heap.alloc(RESPONSE_BYTES);
  store16(query.buffer, length);
  memory.copy(query.buffer + <usize>LENGTH_PREFIX_BYTES, request, length);
  return true;
}

/** Ends the exchange, if there is one. */
export function tcpExchangeClose(query: Query): void {
  if (query.tcp == 0) return;
  tcpAbort(query.tcp);
  query.tcp = 0;
  heap.free(query.buffer);
  query.buffer = 0;
}

function queryOfTcp(handle: i32): Query | null {
  let index: u32 = 0;
  while (true) {
    const place = queryAt(index++);
    if (place == 0) return null;
    const query = changetype<Query>(place);
    if (query.live && query.tcp == handle) return query;
  }
}

/** A TCP socket of the resolver has an event. */
export function dnsTcpEvent(handle: i32, bits: u32): void {
  const query = queryOfTcp(handle);
  if (query === null) return;
  if ((bits & SOCKET_EVENT_CONNECTED) != 0) {
    const bytes = LENGTH_PREFIX_BYTES + load16(query.buffer);
    if (tcpSend(handle, query.buffer, bytes) != <i32>bytes) {
      dnsTcpFailed(query);
      return;
    }
  }
  if ((bits & SOCKET_EVENT_READABLE) != 0 && readResponse(query, handle)) return;
  if ((bits & SOCKET_EVENT_CLOSED) != 0) dnsTcpFailed(query);
}

/** Reads what is there; true when the exchange is over, for good or bad. */
function readResponse(query: Query, handle: i32): bool {
  const room = RESPONSE_BYTES - query.received;
  const count = tcpReceive(handle, query.buffer + <usize>query.received, room);
  if (count > 0) query.received += <u32>count;
  if (query.received < LENGTH_PREFIX_BYTES) return false;
  const length = load16(query.buffer);
  if (length > RESPONSE_BYTES - LENGTH_PREFIX_BYTES) {
    dnsTcpFailed(query);
    return true;
  }
  if (query.received < LENGTH_PREFIX_BYTES + length) return false;
  dnsTakeTcpAnswer(query, query.buffer + <usize>LENGTH_PREFIX_BYTES, length);
  return true;
}
