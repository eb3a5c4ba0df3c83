// udpBind … udpClose: datagrams for noos:net. In: host calls. Out: calls of socket/udp. May import: engine/, socket/,
// kernel/.
import { Buffer, reserve } from '../../engine/buffer';
import { newArrayBuffer } from '../../engine/text';
import { fromI32, fromU32, JS_EXCEPTION, JS_UNDEFINED, toI32, toU32 } from '../../engine/value';
import { ERROR_EINVAL, ERROR_EMSGSIZE } from '../../platform/index';
import { OWNER_APPLICATION } from '../../socket/owners';
import {
  peerAddress,
  peerPort,
  UDP_LARGEST_PAYLOAD_BYTES,
  udpBind,
  udpClose,
  udpLocalPort,
  udpNextLength,
  udpReceive,
  udpSend,
} from '../../socket/udp';
import { argument, define, NEEDS_START } from './define';
import { range, readRange } from './range';

const BIND: i32 = 0x50 | NEEDS_START;
const SEND: i32 = 0x51;
const RECEIVE: i32 = 0x52;
const PEER_ADDRESS: i32 = 0x53;
const PEER_PORT: i32 = 0x54;
const LOCAL_PORT: i32 = 0x55;
const CLOSE: i32 = 0x56;

const datagram: Buffer = changetype<Buffer>(memory.data(12));

export function defineUdp(host: u64): void {
  define(host, 'udpBind', 2, BIND);
  define(host, 'udpSend', 6, SEND);
  define(host, 'udpReceive', 1, RECEIVE);
  define(host, 'udpPeerAddress', 0, PEER_ADDRESS);
  define(host, 'udpPeerPort', 0, PEER_PORT);
  define(host, 'udpLocalPort', 1, LOCAL_PORT);
  define(host, 'udpClose', 1, CLOSE);
}

function bind(argv: u32): u64 {
  const port = toU32(argument(argv, 0));
  if (port > 65535) return fromI32(ERROR_EINVAL);
  return fromI32(udpBind(toU32(argument(argv, 1)), port, OWNER_APPLICATION));
}

function send(argv: u32): u64 {
  const port = toU32(argument(argv, 2));
  if (port < 1 || port > 65535) return fromI32(ERROR_EINVAL);
  if (toU32(argument(argv, 5)) > UDP_LARGEST_PAYLOAD_BYTES) return fromI32(ERROR_EMSGSIZE);
  if (!readRange(argv, 3, UDP_LARGEST_PAYLOAD_BYTES)) return JS_EXCEPTION;
  const address = toU32(argument(argv, 1));
  return fromI32(udpSend(toI32(argument(argv, 0)), address, port, range.address, range.length));
}

function receive(handle: i32): u64 {
  const length = udpNextLength(handle);
  if (length < 0) return JS_UNDEFINED;
  reserve(datagram, length);
  udpReceive(handle, datagram.address, length);
  return newArrayBuffer(datagram.address, length);
}

export function callUdp(magic: i32, argv: u32): u64 {
  switch (magic) {
    case BIND:
      return bind(argv);
    case SEND:
      return send(argv);
    case RECEIVE:
      return receive(toI32(argument(argv, 0)));
    case PEER_ADDRESS:
      return fromU32(peerAddress);
    case PEER_PORT:
      return fromU32(peerPort);
    case LOCAL_PORT:
      return fromI32(udpLocalPort(toI32(argument(argv, 0))));
    default:
      udpClose(toI32(argument(argv, 0)));
      return JS_UNDEFINED;
  }
}
