/**
 * What the runtime (JavaScript inside the unikernel) and the library OS call of each other.
 *
 * In: nothing. Out: the type of the host object that libos gives the runtime, and the numbers both sides use.
 * Inside the unikernel, not part of the door. `generate.ts` writes the AssemblyScript constants from the tables.
 *
 * libos puts the object on the global `__noos`; the runtime's first module takes it and deletes the global.
 * A function that can fail returns a negative `errorCodes` value. Addresses are IPv4 in host byte order as a
 * number (192.0.2.1 is 0xc0000201); 0 means any. Handles are positive integers.
 * While the top level is evaluated at build time, functions marked [start] throw `BuildTimeError`.
 *
 * The handle of an HTTP exchange is dead (calls return ENOTCONN, no event follows) as soon as: `httpRespond` or
 * `httpEnd` returned 0 (server; a request body not yet read is discarded), `httpRead` returned null and the
 * request body was ended (client; or `httpResponse` said bodyBytes 0), `httpAbort` was called, or `httpClosed`
 * was dispatched. Header lines both ways hold byte strings (Fetch's isomorphic encoding): code points up to U+00FF.
 */

/** Negative results. Names and meaning as in POSIX. */
export const errorCodes = {
  EPERM: -1,
  EAGAIN: -11,
  EINVAL: -22,
  EMSGSIZE: -90,
  EADDRINUSE: -98,
  EADDRNOTAVAIL: -99,
  ENETUNREACH: -101,
  ECONNABORTED: -103,
  ECONNRESET: -104,
  ENOBUFS: -105,
  ENOTCONN: -107,
  ETIMEDOUT: -110,
  ECONNREFUSED: -111,
  EHOSTUNREACH: -113,
  /** DNS: the name does not exist (NXDOMAIN), or has no address. */
  ENOTFOUND: -200,
  /** DNS: no server answered, or all failed. */
  ESERVFAIL: -201,
  /** HTTP: the peer sent something that is not HTTP/1.1. */
  EPROTO: -71,
} as const;

/** First argument of the dispatch function; further arguments in the comment. */
export const dispatchKinds = {
  /** (): after `start` has configured the devices; the application's server starts here. */
  start: 1,
  /** (): the deadline of `setDeadline` has come. */
  timer: 2,
  /** (): the platform asks to stop. */
  stop: 3,
  /** (exchange, method, target, headers, bodyBytes, peerAddress, peerPort): a request's head is complete. `headers` is "name: value\n" lines, names in lower case. bodyBytes: 0 none, -1 chunked. */
  httpRequest: 10,
  /** (exchange): body bytes can be read, or the body has ended. Comes at least once after each `httpRead` that returned undefined. */
  httpReadable: 11,
  /** (exchange): `httpWrite` takes bytes again. */
  httpWritable: 12,
  /** (exchange, error): the peer went away or broke the protocol, or time ran out; error is negative and the handle is dead. An exchange that ends well gives no such event: see `Intrinsics`. */
  httpClosed: 13,
  /** (request, status, headers, bodyBytes, keepAlive): a response's head to a client request. */
  httpResponse: 14,
  /** (handle, events): tcp; a set of `socketEvents`. */
  tcp: 20,
  /** (handle): a datagram is waiting, or (handle, error) an ICMP error was delivered. */
  udp: 21,
  /** (query, error, addresses: number[] joined by ",", ttlSeconds): an answer to `dnsResolve`. */
  dns: 30,
  /** (promise rejected without a handler, reason, handled: boolean, topLevel: boolean): after the jobs have run. handled: reported before, and has a handler now. topLevel: the promise of the application's top level, which has thrown. */
  rejection: 40,
} as const;

/** Bits of TCP socket events. */
export const socketEvents = {
  /** A connect has succeeded. */
  connected: 1,
  /** A listener has a connection to accept. */
  acceptable: 2,
  /** Bytes to read, or the peer's FIN. */
  readable: 4,
  /** Room in the send buffer after it was full. */
  writable: 8,
  /** The connection ended: `tcpError` says why (0 normally). No further event. */
  closed: 16,
} as const;

/** Socket options of `tcpSetOption`. */
export const socketOptions = {
  /** 1 turns Nagle's algorithm off (RFC 1122 §4.2.3.4). */
  noDelay: 1,
  /** Idle seconds before keep-alive probes; 0 off (RFC 1122 §4.2.3.6). */
  keepAlive: 2,
} as const;

/** The host object. */
export interface Intrinsics {
  /** Registers the function that libos calls with every event. */
  setDispatch(dispatch: (kind: number, ...values: never[]) => void): void;
  consoleWrite(stream: 1 | 2, text: string): void;
  /** Ends the unikernel after this turn. [start] */
  exit(code: number): void;
  /** Milliseconds since start, with fraction; stands still within a turn, 0 at build time. */
  monotonicMs(): number;
  /** Milliseconds since the epoch at this turn; at build time a fixed instant. */
  wallMs(): number;
  /** When (in `monotonicMs` time) the `timer` event is wanted; Infinity for never. */
  setDeadline(deadlineMs: number): void;
  /** Random bytes, 1 to 65,536. [start] */
  entropy(length: number): ArrayBuffer;
  /** Start parameters, one `key=value` a line. [start] */
  parameters(): string;
  utf8Encode(text: string): ArrayBuffer;
  /** Decodes bytes as UTF-8, malformed parts as U+FFFD; undefined when `fatal` and malformed. */
  utf8Decode(buffer: ArrayBuffer, offset: number, length: number, fatal: boolean): string | undefined;

  /** Listens for HTTP/1.1; every request comes as `httpRequest`. Returns a listener handle. [start] */
  httpListen(port: number, address: number): number;
  /** Stops accepting and lets exchanges in progress end; then no further event. */
  httpClose(listener: number): void;
  /** Sends a whole response. `headers` is "name: value\r\n" lines; libos adds date, content-length, connection. EINVAL: bad status or headers, nothing was sent. */
  httpRespond(exchange: number, status: number, headers: string, body: string | ArrayBuffer | null): number;
  /** Sends a response head; the body follows by `httpWrite`. contentLength -1: chunked. */
  httpRespondHead(exchange: number, status: number, headers: string, contentLength: number): number;
  /** Queues body bytes; returns how many were taken (`httpWritable` follows when fewer), or an error. */
  httpWrite(exchange: number, buffer: ArrayBuffer, offset: number, length: number): number;
  /** Ends a body. EMSGSIZE when it is shorter than its content-length: the connection is reset. */
  httpEnd(exchange: number): number;
  /** Takes received body bytes, at most `length`: undefined when none now, null at the body's end. The first call sends `100 Continue` when the client waits for it, so call it before waiting for `httpReadable`. */
  httpRead(exchange: number, length: number): ArrayBuffer | undefined | null | number;
  /** Resets the exchange's connection. */
  httpAbort(exchange: number): void;
  /** Server: the rest of the body will be read as a whole, so `http.bufferedBodyBytes` bounds it; above, the exchange ends with 413. Returns 0, or EMSGSIZE when the declared length is above. */
  httpBuffer(exchange: number): number;
  /** Client request over a connection from libos's pool. `headers` as in `httpRespond`; bodyBytes 0 none, -1 chunked. Returns a request handle used with httpWrite, httpEnd, httpRead, httpAbort. [start] */
  httpRequest(
    address: number,
    port: number,
    method: string,
    target: string,
    headers: string,
    bodyBytes: number,
  ): number;

  /** [start] */
  tcpListen(port: number, address: number, backlog: number): number;
  /** Next accepted connection of a listener, or EAGAIN. */
  tcpAccept(listener: number): number;
  /** Starts a connection; `tcp` events follow. [start] */
  tcpConnect(address: number, port: number): number;
  tcpSend(handle: number, buffer: ArrayBuffer, offset: number, length: number): number;
  /** undefined when nothing waits, null after the peer's FIN. */
  tcpReceive(handle: number, length: number): ArrayBuffer | undefined | null | number;
  /** Sends FIN after what is queued. */
  tcpShutdown(handle: number): number;
  /** Sends RST and forgets the handle. */
  tcpAbort(handle: number): void;
  /** Closes in order (FIN, TIME-WAIT) in the background and forgets the handle. */
  tcpClose(handle: number): void;
  tcpError(handle: number): number;
  tcpSetOption(handle: number, option: number, value: number): number;
  /** "localAddress,localPort,peerAddress,peerPort" as numbers. */
  tcpAddresses(handle: number): string;

  /** Port 0 picks a free one; returns a handle. [start] */
  udpBind(port: number, address: number): number;
  udpSend(
    handle: number,
    address: number,
    port: number,
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ): number;
  /** Takes a datagram; its sender is then in udpPeerAddress and udpPeerPort. */
  udpReceive(handle: number): ArrayBuffer | undefined;
  udpPeerAddress(): number;
  udpPeerPort(): number;
  udpLocalPort(handle: number): number;
  udpClose(handle: number): void;

  /** Starts a look-up of IPv4 addresses; the `dns` event follows. [start] */
  dnsResolve(name: string): number;
}
