// httpListen … httpRequest: the application's side of the HTTP server and client. In: host calls. Out: calls of http/.
// May import: engine/, http/, kernel/.
import { Buffer, reserve } from '../../engine/buffer';
import { newArrayBuffer, readString } from '../../engine/text';
import {
  fromI32,
  isNull,
  isString,
  isUndefined,
  JS_EXCEPTION,
  JS_NULL,
  JS_UNDEFINED,
  toI32,
  toI64,
  toU32,
} from '../../engine/value';
import {
  HTTP_BODY_END,
  httpAbort,
  httpBuffer,
  httpClose,
  httpEnd,
  httpListen,
  httpRead,
  httpRequest,
  httpRespond,
  httpRespondHead,
  httpWrite,
} from '../../http/index';
import { ERROR_EINVAL } from '../../platform/index';
import { argument, define, NEEDS_START } from './define';
import { range, readArrayBuffer, readRange } from './range';

const LISTEN: i32 = 0x30 | NEEDS_START;
const CLOSE: i32 = 0x31;
const RESPOND: i32 = 0x32;
const RESPOND_HEAD: i32 = 0x33;
const WRITE: i32 = 0x34;
const END: i32 = 0x35;
const READ: i32 = 0x36;
const ABORT: i32 = 0x37;
const REQUEST: i32 = 0x38 | NEEDS_START;
const BUFFER: i32 = 0x39;

/** Bytes that cross at once. */
const PIECE_BYTES: u32 = 64 * 1024;

const headers: Buffer = changetype<Buffer>(memory.data(12));
const body: Buffer = changetype<Buffer>(memory.data(12));
const method: Buffer = changetype<Buffer>(memory.data(12));
const target: Buffer = changetype<Buffer>(memory.data(12));

export function defineHttp(host: u64): void {
  define(host, 'httpListen', 2, LISTEN);
  define(host, 'httpClose', 1, CLOSE);
  define(host, 'httpRespond', 4, RESPOND);
  define(host, 'httpRespondHead', 4, RESPOND_HEAD);
  define(host, 'httpWrite', 4, WRITE);
  define(host, 'httpEnd', 1, END);
  define(host, 'httpRead', 2, READ);
  define(host, 'httpBuffer', 1, BUFFER);
  define(host, 'httpAbort', 1, ABORT);
  define(host, 'httpRequest', 6, REQUEST);
}

function listen(port: u32, address: u32): u64 {
  return fromI32(port < 1 || port > 65535 ? ERROR_EINVAL : httpListen(<u16>port, address));
}

function respond(argv: u32): u64 {
  if (!readString(argument(argv, 2), headers)) return JS_EXCEPTION;
  const value = argument(argv, 3);
  body.length = 0;
  if (isString(value)) {
    if (!readString(value, body)) return JS_EXCEPTION;
  } else if (!isNull(value) && !isUndefined(value) && !readArrayBuffer(value, body)) return JS_EXCEPTION;
  return fromI32(
    httpRespond(
      toI32(argument(argv, 0)),
      toU32(argument(argv, 1)),
      headers.address,
      headers.length,
      body.address,
      body.length,
    ),
  );
}

function respondHead(argv: u32): u64 {
  if (!readString(argument(argv, 2), headers)) return JS_EXCEPTION;
  const exchange = toI32(argument(argv, 0));
  const contentLength = toI64(argument(argv, 3));
  return fromI32(
    httpRespondHead(exchange, toU32(argument(argv, 1)), headers.address, headers.length, contentLength),
  );
}

/** In pieces, until all is taken or HTTP has said that it tells when it takes more. */
function write(argv: u32): u64 {
  const exchange = toI32(argument(argv, 0));
  let total: u32 = 0;
  while (true) {
    if (!readRange(argv, 1, PIECE_BYTES, total)) return JS_EXCEPTION;
    const taken = httpWrite(exchange, range.address, range.length);
    if (taken < 0) return fromI32(taken);
    total += taken;
    if (<u32>taken < range.length || range.length < PIECE_BYTES) return fromI32(total);
  }
}

function read(argv: u32): u64 {
  const capacity = min(max<u32>(toU32(argument(argv, 1)), 1), PIECE_BYTES);
  reserve(body, capacity);
  const count = httpRead(toI32(argument(argv, 0)), body.address, capacity);
  if (count > 0) return newArrayBuffer(body.address, count);
  if (count == 0) return JS_UNDEFINED;
  return count == HTTP_BODY_END ? JS_NULL : fromI32(count);
}

function request(argv: u32): u64 {
  const port = toU32(argument(argv, 1));
  if (port < 1 || port > 65535) return fromI32(ERROR_EINVAL);
  if (!readString(argument(argv, 2), method)) return JS_EXCEPTION;
  if (!readString(argument(argv, 3), target)) return JS_EXCEPTION;
  if (!readString(argument(argv, 4), headers)) return JS_EXCEPTION;
  return fromI32(
    httpRequest(
      toU32(argument(argv, 0)),
      <u16>port,
      method.address,
      method.length,
      target.address,
      target.length,
      headers.address,
      headers.length,
      toI64(argument(argv, 5)),
    ),
  );
}

export function callHttp(magic: i32, argv: u32): u64 {
  switch (magic) {
    case RESPOND:
      return respond(argv);
    case RESPOND_HEAD:
      return respondHead(argv);
    case WRITE:
      return write(argv);
    case END:
      return fromI32(httpEnd(toI32(argument(argv, 0))));
    case READ:
      return read(argv);
    case BUFFER:
      return fromI32(httpBuffer(toI32(argument(argv, 0))));
    case ABORT:
      httpAbort(toI32(argument(argv, 0)));
      return JS_UNDEFINED;
    case REQUEST:
      return request(argv);
    case LISTEN:
      return listen(toU32(argument(argv, 0)), toU32(argument(argv, 1)));
    default:
      httpClose(toI32(argument(argv, 0)));
      return JS_UNDEFINED;
  }
}
