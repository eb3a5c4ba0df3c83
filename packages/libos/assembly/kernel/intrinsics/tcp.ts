// tcpListen … tcpAddresses: raw TCP for noos:net. In: host calls. Out: calls of socket/tcp/. May import: engine/,
// socket/, kernel/.
import { newArrayBuffer, newString } from '../../engine/text';
import { fromI32, JS_EXCEPTION, JS_NULL, JS_UNDEFINED, toI32, toU32 } from '../../engine/value';
import { ERROR_EINVAL } from '../../platform/index';
import { OWNER_APPLICATION } from '../../socket/owners';
import {
  tcpAbort,
  tcpAccept,
  tcpConnect,
  tcpConsume,
  tcpError,
  tcpFinished,
  tcpListen,
  tcpLocalAddress,
  tcpLocalPort,
  tcpPeek,
  tcpPeekLength,
  tcpPeerAddress,
  tcpPeerPort,
  tcpRelease,
  tcpSend,
  tcpSetOption,
  tcpShutdown,
} from '../../socket/tcp/index';
import { putDecimal } from './decimal';
import { argument, define, NEEDS_START } from './define';
import { range, readRange } from './range';

const LISTEN: i32 = 0x40 | NEEDS_START;
const ACCEPT: i32 = 0x41;
const CONNECT: i32 = 0x42 | NEEDS_START;
const SEND: i32 = 0x43;
const RECEIVE: i32 = 0x44;
const SHUTDOWN: i32 = 0x45;
const ABORT: i32 = 0x46;
const CLOSE: i32 = 0x47;
const ERROR: i32 = 0x48;
const SET_OPTION: i32 = 0x49;
const ADDRESSES: i32 = 0x4a;

/** Bytes that one `tcpSend` or `tcpReceive` moves at most. */
const PIECE_BYTES: u32 = 256 * 1024;

export function defineTcp(host: u64): void {
  define(host, 'tcpListen', 3, LISTEN);
  define(host, 'tcpAccept', 1, ACCEPT);
  define(host, 'tcpConnect', 2, CONNECT);
  define(host, 'tcpSend', 4, SEND);
  define(host, 'tcpReceive', 2, RECEIVE);
  define(host, 'tcpShutdown', 1, SHUTDOWN);
  define(host, 'tcpAbort', 1, ABORT);
  define(host, 'tcpClose', 1, CLOSE);
  define(host, 'tcpError', 1, ERROR);
  define(host, 'tcpSetOption', 3, SET_OPTION);
  define(host, 'tcpAddresses', 1, ADDRESSES);
}

function listen(argv: u32): u64 {
  const port = toU32(argument(argv, 0));
  if (port < 1 || port > 65535) return fromI32(ERROR_EINVAL);
  const address = toU32(argument(argv, 1));
  return fromI32(tcpListen(address, <u16>port, toU32(argument(argv, 2)), OWNER_APPLICATION, false));
}

function connect(argv: u32): u64 {
  const port = toU32(argument(argv, 1));
  if (port < 1 || port > 65535) return fromI32(ERROR_EINVAL);
  return fromI32(tcpConnect(0, 0, toU32(argument(argv, 0)), <u16>port, OWNER_APPLICATION));
}

/** In pieces, until all is taken or TCP, whose send was cut short, tells when it takes more. */
function send(argv: u32): u64 {
  const handle = toI32(argument(argv, 0));
  let total: u32 = 0;
  while (true) {
    if (!readRange(argv, 1, PIECE_BYTES, total)) return JS_EXCEPTION;
    const taken = tcpSend(handle, range.address, range.length);
    if (taken < 0) return fromI32(taken);
    total += taken;
    if (<u32>taken < range.length || range.length < PIECE_BYTES) return fromI32(total);
  }
}

function receive(argv: u32): u64 {
  const handle = toI32(argument(argv, 0));
  const available = min(tcpPeekLength(handle), min(toU32(argument(argv, 1)), PIECE_BYTES));
  if (available > 0) {
    const buffer = newArrayBuffer(tcpPeek(handle), available);
    tcpConsume(handle, available);
    return buffer;
  }
  if (tcpFinished(handle)) return JS_NULL;
  const error = tcpError(handle);
  return error < 0 ? fromI32(error) : JS_UNDEFINED;
}

/** Four decimal numbers of at most ten digits, with commas. */
const addressesText: usize = memory.data(48);

function addresses(handle: i32): u64 {
  let end = putDecimal(addressesText, tcpLocalAddress(handle));
  end = putDecimal(end, tcpLocalPort(handle));
  end = putDecimal(end, tcpPeerAddress(handle));
  end = putDecimal(end, tcpPeerPort(handle));
  return newString(addressesText, <u32>(end - addressesText) - 1);
}

export function callTcp(magic: i32, argv: u32): u64 {
  switch (magic) {
    case LISTEN:
      return listen(argv);
    case CONNECT:
      return connect(argv);
    case SEND:
      return send(argv);
    case RECEIVE:
      return receive(argv);
    default:
      return callHandle(magic, toI32(argument(argv, 0)), argv);
  }
}

/** Functions whose first argument, the handle, is all that most need. */
function callHandle(magic: i32, handle: i32, argv: u32): u64 {
  switch (magic) {
    case ACCEPT:
      return fromI32(tcpAccept(handle));
    case SHUTDOWN:
      return fromI32(tcpShutdown(handle));
    case ABORT:
      tcpAbort(handle);
      return JS_UNDEFINED;
    case CLOSE:
      tcpRelease(handle);
      return JS_UNDEFINED;
    case ERROR:
      return fromI32(tcpError(handle));
    case SET_OPTION:
      return fromI32(tcpSetOption(handle, toU32(argument(argv, 1)), toU32(argument(argv, 2))));
    default:
      return addresses(handle);
  }
}
