// Every bound of the HTTP server and client in one object, with its source. Set before the first `httpListen` or
// `httpRequest`, by start parameters (`limit-settings.ts`): pools are sized then. In: nothing. Out: `limits`.
// May import: time.

import { NS_PER_S } from '../time/clock';

/** No bound: the largest length that a Content-Length can state and still be told from one that is too large. */
export const UNLIMITED_BYTES: u64 = i64.MAX_VALUE - 1;

/** Defaults; Node is Node.js 20, Apache is httpd 2.4 (mod_reqtimeout, core), Go is net/http 1.22. */
export class HttpLimits {
  // What one request may look like.
  /** Longer methods are unknown to everybody: 501 (RFC 9112 §3). */
  methodBytes: u32 = 32;
  /** Longer request targets: 414. RFC 9112 §3 asks for at least 8,000. */
  targetBytes: u32 = 8192;
  /** All field lines of a head or the trailers with their line ends: 431. Node's maxHeaderSize. */
  fieldBytes: u32 = 16384;
  /** Field lines of a head: 431. Apache's LimitRequestFields. */
  fieldCount: u32 = 100;
  /** Content of a request, declared or counted: 413. Node and Go have no such limit for streams either. */
  bodyBytes: u64 = UNLIMITED_BYTES;
  /** Content of a request that the application reads as a whole: 413. The limit of Cloudflare Workers' free plan. */
  bufferedBodyBytes: u64 = 100 << 20;
  /** chunk-ext of one chunk, and digits of its size (RFC 9112 §7.1.1 asks to limit it): 400. */
  chunkExtensionBytes: u32 = 256;

  // How many at once.
  /** Accepted connections that are served; 0: what TCP can hold, less a sixteenth. */
  connections: u32 = 0;
  /** Connections beyond `connections` that are kept long enough to be answered with 503; further ones are reset. */
  refusedConnections: u32 = 64;
  /** Requests that the application has and has not answered; further ones get 503. 0: as many as connections. */
  exchanges: u32 = 0;
  /** Connections waiting in the TCP backlog of a listener. Linux's SOMAXCONN since 5.4. */
  backlog: u32 = 4096;
  /** Heads that came in part and wait for the rest; a further one takes the place of another, which gets 503. */
  partialHeads: u32 = 256;
  /** Response bytes that TCP had no room for yet, all connections together: ENOBUFS. */
  pendingBytes: u32 = 64 << 20;
  /** One application's header block. */
  headerBlockBytes: u32 = 65536;

  // How long.
  /** From the first byte of a head (or from accept) to its end: 408. Apache: header=20. */
  headTimeoutNs: u64 = 20 * NS_PER_S;
  /** Time the application may wait for body bytes in all, before any arrived: 408. Apache: body=20. */
  bodyTimeoutNs: u64 = 20 * NS_PER_S;
  /** Each received body byte lengthens it by a second divided by this. Apache: MinRate=500. */
  bodyBytesPerSecond: u32 = 500;
  /** Between requests of a connection. Half of nginx's 75 s, below the 60 s of usual load balancers. */
  idleTimeoutNs: u64 = 38 * NS_PER_S;
  /** A connection idle for less is not closed to make room: its next request may be under way. Node: keepAliveTimeout. */
  idleLeastNs: u64 = 5 * NS_PER_S;
  /** A peer that takes no byte of a response for so long is reset. nginx: send_timeout 60 s. */
  sendTimeoutNs: u64 = 60 * NS_PER_S;
  /** After the last response, for the peer's FIN. nginx: lingering_timeout 5 s. */
  lingerTimeoutNs: u64 = 5 * NS_PER_S;
  /** Unread request content that is thrown away to keep a connection. Go: maxPostHandlerReadBytes. */
  discardBytes: u64 = 256 << 10;

  // Client.
  /** Requests in progress and idle pooled connections together. */
  clientConnections: u32 = 256;
  /** Connections to one address and port; further requests wait. */
  clientConnectionsPerHost: u32 = 32;
  /** undici: connect timeout 10 s. */
  clientConnectTimeoutNs: u64 = 10 * NS_PER_S;
  /** From the end of the request to the response's head. undici: headersTimeout. */
  clientHeadTimeoutNs: u64 = 300 * NS_PER_S;
  /** Without a body byte, either way. undici: bodyTimeout. */
  clientBodyTimeoutNs: u64 = 300 * NS_PER_S;
  /** An unused connection is closed. undici: keepAliveTimeout; servers close after 5 s or more. */
  clientIdleTimeoutNs: u64 = 4 * NS_PER_S;
}

export const limits = new HttpLimits();
