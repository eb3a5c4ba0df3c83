/**
 * The server's side of a WebSocket (RFC 6455) as a byte stream: payloads in, frames out; no extensions.
 *
 * In: an upgraded connection. Out: a Duplex. May import: nothing.
 */
import { createHash } from 'node:crypto';
import { Duplex, finished } from 'node:stream';

/** RFC 6455 §1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Sec-WebSocket-Accept for a client's Sec-WebSocket-Key. */
export const acceptKey = (key: string): string =>
  createHash('sha1')
    .update(key + acceptSuffix)
    .digest('base64');

/** RFC 6455 §5.2. */
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const finalBit = 0x80;
const maskBit = 0x80;
const controlLimitBytes = 125;
const closeNormal = 1000;
const closeProtocolError = 1002;

function frame(opcode: number, payload: Buffer): Buffer[] {
  const { length } = payload;
  let head: Buffer;
  if (length <= controlLimitBytes) head = Buffer.from([finalBit | opcode, length]);
  else if (length < 2 ** 16) {
    head = Buffer.from([finalBit | opcode, 126, 0, 0]);
    head.writeUInt16BE(length, 2);
  } else {
    head = Buffer.alloc(10);
    head[0] = finalBit | opcode;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return [head, payload];
}

const closeFrame = (code: number): Buffer =>
  Buffer.from([finalBit | opcodes.close, 2, code >> 8, code & 0xff]);

/** Header of a frame, or undefined when `bytes` has not all of it yet. */
function parseHead(bytes: Buffer) {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const lengthEnd = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < lengthEnd + 4) return undefined;
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
  return {
    opcode: bytes[0]! & 0x0f,
    reserved: (bytes[0]! & 0x70) !== 0,
    final: (bytes[0]! & finalBit) !== 0,
    masked: (bytes[1]! & maskBit) !== 0,
    length,
    mask: bytes.subarray(lengthEnd, lengthEnd + 4),
    end: lengthEnd + 4,
  };
}

/** A stream of what the client sends and gets; `text` frames before API 1.28. */
export function createWebSocket(connection: Duplex, kind: 'binary' | 'text'): Duplex {
  let rest: Buffer = Buffer.alloc(0);
  let left = 0;
  let maskAt = 0;
  let mask: Buffer = rest;
  /** A control frame's payload is collected; data is passed on as it comes. */
  let control: { opcode: number; parts: Buffer[] } | undefined;

  const socket = new Duplex({
    allowHalfOpen: true,
    read: () => void connection.resume(),
    write(chunk: Buffer, _encoding, done) {
      const [head, payload] = frame(opcodes[kind], chunk);
      connection.cork();
      connection.write(head);
      connection.write(payload, () => done());
      connection.uncork();
    },
    final(done) {
      connection.end(closeFrame(closeNormal), () => done());
    },
    destroy(error, done) {
      connection.destroy();
      done(error);
    },
  });

  function fail(): void {
    connection.end(closeFrame(closeProtocolError));
    socket.destroy();
  }

  function unmask(bytes: Buffer): Buffer {
    for (let at = 0; at < bytes.length; at++) bytes[at]! ^= mask[(maskAt + at) & 3]!;
    maskAt += bytes.length;
    return bytes;
  }

  function endControl(): void {
    if (control === undefined) return;
    const { opcode, parts } = control;
    control = undefined;
    if (opcode === opcodes.ping)
      for (const part of frame(opcodes.pong, Buffer.concat(parts))) connection.write(part);
    if (opcode === opcodes.close) socket.push(null);
  }

  function take(bytes: Buffer): void {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (;;) {
      if (left > 0) {
        if (rest.length === 0) return;
        const payload = unmask(Buffer.from(rest.subarray(0, left)));
        rest = rest.subarray(payload.length);
        left -= payload.length;
        if (control !== undefined) control.parts.push(payload);
        else if (!socket.push(payload)) connection.pause();
        if (left === 0) endControl();
        continue;
      }
      const head = parseHead(rest);
      if (head === undefined) return;
      const isControl = head.opcode >= opcodes.close;
      const known = Object.values<number>(opcodes).includes(head.opcode);
      const badControl = isControl && (!head.final || head.length > controlLimitBytes);
      if (!known || head.reserved || !head.masked || badControl) {
        fail();
        return;
      }
      rest = rest.subarray(head.end);
      left = head.length;
      mask = Buffer.from(head.mask);
      maskAt = 0;
      if (isControl) control = { opcode: head.opcode, parts: [] };
      if (left === 0) endControl();
    }
  }

  connection.on('data', take);
  // Not by `end` and `close`: the client may have left before.
  finished(connection, { writable: false }, (error) => {
    if (error) socket.destroy();
    else if (!socket.readableEnded) socket.push(null);
  });
  connection.on('error', () => socket.destroy());
  if (connection.closed) process.nextTick(() => socket.destroy());
  else connection.on('close', () => socket.destroy());
  return socket;
}
