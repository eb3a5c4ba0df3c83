/**
 * One request and its response over TCP (RFC 7766): length prefix, query, response, close.
 * In: a query message, events of its connection. Out: the response, or that there will be none.
 * May import: socket, storage, wire, query.
 */
import { SOCKET_EVENT_CLOSED, SOCKET_EVENT_CONNECTED, SOCKET_EVENT_READABLE } from '../platform/index';
import { OWNER_DNS } from '../socket/owners';
import { tcpAbort, tcpConnect, tcpReceive, tcpSend } from '../socket/tcp/index';
import { load16, store16 } from '../storage/bytes';
import { DNS_PORT } from '../wire/dns';
import { Query, queryAt } from './query';

const LENGTH_PREFIX_BYTES: u32 = 2;
/** Longest response taken: more than any answer with sixteen addresses needs. */
const RESPONSE_BYTES: u32 = 8192;

/** What `tcpExchangeAdvance` returns: nothing yet, `exchangeResponse` is complete, or there will be none. */
export const EXCHANGE_UNDER_WAY: u32 = 0;
export const EXCHANGE_COMPLETE: u32 = 1;
export const EXCHANGE_FAILED: u32 = 2;

/** The complete response, valid until `tcpExchangeClose`. */
export let exchangeResponse: usize = 0;
export let exchangeResponseLength: u32 = 0;

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

/** The query whose exchange runs over a TCP socket of the resolver; null: none any more. */
export function tcpExchangeQuery(handle: i32): Query | null {
  let index: u32 = 0;
  while (true) {
    const place = queryAt(index++);
    if (place == 0) return null;
    const query = changetype<Query>(place);
    if (query.live && query.tcp == handle) return query;
  }
}

/** Continues after events of the query's connection; EXCHANGE_*. */
export function tcpExchangeAdvance(query: Query, bits: u32): u32 {
  if ((bits & SOCKET_EVENT_CONNECTED) != 0) {
    const bytes = LENGTH_PREFIX_BYTES + load16(query.buffer);
    if (tcpSend(query.tcp, query.buffer, bytes) != <i32>bytes) return EXCHANGE_FAILED;
  }
  if ((bits & SOCKET_EVENT_READABLE) != 0) {
    const state = readResponse(query);
    if (state != EXCHANGE_UNDER_WAY) return state;
  }
  return (bits & SOCKET_EVENT_CLOSED) != 0 ? EXCHANGE_FAILED : EXCHANGE_UNDER_WAY;
}

/** Reads what is there; EXCHANGE_*. */
function readResponse(query: Query): u32 {
  const room = RESPONSE_BYTES - query.received;
  const count = tcpReceive(query.tcp, query.buffer + <usize>query.received, room);
  if (count > 0) query.received += <u32>count;
  if (query.received < LENGTH_PREFIX_BYTES) return EXCHANGE_UNDER_WAY;
  const length = load16(query.buffer);
  if (length > RESPONSE_BYTES - LENGTH_PREFIX_BYTES) return EXCHANGE_FAILED;
  if (query.received < LENGTH_PREFIX_BYTES + length) return EXCHANGE_UNDER_WAY;
  exchangeResponse = query.buffer + <usize>LENGTH_PREFIX_BYTES;
  exchangeResponseLength = length;
  return EXCHANGE_COMPLETE;
}
