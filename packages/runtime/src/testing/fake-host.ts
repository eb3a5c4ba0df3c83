/**
 * A test double of the library OS's host object, for QuickJS without libos.
 *
 * In: nothing. Out: JavaScript that defines `__noos` and `__test` (drives events, holds what was sent). Imports nothing.
 * It is source text, as it runs inside the engine; `__utf8Encode` and `__utf8Decode` come from the embedder.
 */
export const fakeHostSource = `
{
  const test = {
    console: [], responses: new Map(), exitCode: undefined, deadline: Infinity, now: 0, wall: 1_800_000_000_000,
    building: true, parameterText: 'http.port=8080\\n', dispatch: undefined, bodies: new Map(), writes: new Map(),
    room: Infinity, requests: [], queries: [], nextHandle: 1000, resets: [], listeners: [],
    sent: [], sockets: new Map(), datagrams: [],
  };
  const start = (name, f) => (...values) => {
    if (test.building) throw new Error(name + ' at build time');
    return f(...values);
  };
  globalThis.__test = test;
  globalThis.__noos = {
    setDispatch(dispatch) { test.dispatch = dispatch; },
    consoleWrite(stream, text) { test.console.push([stream, text]); },
    exit: start('exit', (code) => { test.exitCode = code; }),
    monotonicMs: () => test.now,
    wallMs: () => test.wall,
    setDeadline(deadline) { test.deadline = deadline; },
    entropy: start('entropy', (length) => {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = (i * 167 + 13 + test.now) & 255;
      return bytes.buffer;
    }),
    parameters: start('parameters', () => test.parameterText),
    utf8Encode: __utf8Encode,
    utf8Decode: __utf8Decode,
    httpListen: start('httpListen', (port, address) => { test.listeners.push(port); return 1; }),
    httpClose() { test.listeners.length = 0; },
    httpRespond(exchange, status, headers, body) {
      if (test.full) return -105;
      test.responses.set(exchange, { status, headers, body });
      return 0;
    },
    httpRespondHead(exchange, status, headers, contentLength) {
      test.responses.set(exchange, { status, headers, contentLength, chunks: [], ended: false });
      return 0;
    },
    httpWrite(exchange, buffer, offset, length) {
      if (exchange >= 1000) {
        const request = test.requests.find((one) => one.id === exchange);
        request.chunks.push(...new Uint8Array(buffer, offset, length));
        return length;
      }
      const taken = Math.min(length, test.room);
      test.responses.get(exchange).chunks.push(...new Uint8Array(buffer, offset, taken));
      if (test.room !== Infinity) test.room -= taken;
      return taken;
    },
    httpEnd(exchange) {
      if (exchange >= 1000) test.requests.find((one) => one.id === exchange).ended = true;
      else test.responses.get(exchange).ended = true;
      return 0;
    },
    httpBuffer: (exchange) => (test.oversized === exchange ? -90 : 0),
    httpRead(exchange, length) {
      const queue = test.bodies.get(exchange) ?? [];
      const next = queue.shift();
      if (typeof next === 'string') return __utf8Encode(next);
      return next;
    },
    httpAbort(exchange) { test.resets.push(exchange); },
    httpRequest: start('httpRequest', (address, port, method, target, headers, bodyBytes) => {
      const id = test.nextHandle++;
      test.requests.push({ id, address, port, method, target, headers, bodyBytes, chunks: [], ended: false });
      return id;
    }),
    dnsResolve: start('dnsResolve', (name) => {
      const id = test.nextHandle++;
      test.queries.push({ id, name });
      return id;
    }),
    tcpListen: start('tcpListen', (port) => { const id = test.nextHandle++; test.sockets.set(id, { port, accept: [] }); return id; }),
    tcpAccept: (id) => test.sockets.get(id).accept.shift() ?? -11,
    tcpConnect: start('tcpConnect', (address, port) => { const id = test.nextHandle++; test.sockets.set(id, { address, port, sent: [], input: [] }); return id; }),
    tcpSend(id, buffer, offset, length) {
      const taken = Math.min(length, test.room);
      test.sockets.get(id).sent.push(...new Uint8Array(buffer, offset, taken));
      if (test.room !== Infinity) test.room -= taken;
      return taken;
    },
    tcpReceive(id) {
      const next = test.sockets.get(id).input.shift();
      return typeof next === 'string' ? __utf8Encode(next) : next;
    },
    tcpShutdown(id) { test.sockets.get(id).shutdown = true; return 0; },
    tcpAbort(id) { test.sockets.get(id).aborted = true; },
    tcpClose(id) { test.sockets.get(id).released = true; },
    tcpError: (id) => test.sockets.get(id).error ?? 0,
    tcpSetOption: (id, option, value) => { (test.sockets.get(id).options ??= []).push([option, value]); return 0; },
    tcpAddresses: () => '167772162,8080,167772161,50000',
    udpBind: start('udpBind', (port) => { const id = test.nextHandle++; test.sockets.set(id, { port, input: [], sent: [] }); return id; }),
    udpSend(id, address, port, buffer, offset, length) {
      test.sockets.get(id).sent.push([address, port, [...new Uint8Array(buffer, offset, length)]]);
      return 0;
    },
    udpReceive(id) { const next = test.sockets.get(id).input.shift(); return next === undefined ? undefined : __utf8Encode(next); },
    udpPeerAddress: () => 0x0a000001,
    udpPeerPort: () => 5353,
    udpLocalPort: (id) => test.sockets.get(id).port,
    udpClose(id) { test.sockets.get(id).closed = true; },
  };
  /** Dispatches one event. */
  test.event = (kind, ...values) => test.dispatch(kind, ...values);
  /** Starts the application. */
  test.start = (parameters = '') => { test.building = false; test.parameterText += parameters; test.event(1); };
  /** One request without body; its response is in test.responses once jobs have run. */
  test.request = (id, method, target, headers = 'host: localhost:8080\\n', body = undefined) => {
    if (body !== undefined) test.bodies.set(id, [...body, null]);
    test.event(10, id, method, target, headers, body === undefined ? 0 : -1, 0x0a000001, 50000);
  };
  test.advance = (ms) => { test.now += ms; if (test.deadline <= test.now) { test.deadline = Infinity; test.event(2); } };
}
`;
