/**
 * Netlink messages (RFC 3549): headers and attributes as bytes, and back.
 *
 * In: values. Out: bytes in the host's byte order. Little-endian only: so are all machines this runs on. May import:
 * nothing.
 */

/** Flags of nlmsghdr (linux/netlink.h). */
export const messageFlags = {
  request: 0x1,
  ack: 0x4,
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
} as const;

const headerBytes = 16;
const aligned = (length: number): number => (length + 3) & ~3;

/** One attribute: a 16-bit length, a 16-bit type, the value, padding. */
export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(aligned(4 + value.length));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

export const nested = (type: number, attributes: readonly Buffer[]): Buffer =>
  attribute(type | 0x8000, Buffer.concat(attributes));

export const text = (type: number, value: string): Buffer => attribute(type, Buffer.from(`${value}\0`));

export function integer8(type: number, value: number): Buffer {
  return attribute(type, Buffer.from([value]));
}

export function integer32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return attribute(type, bytes);
}

/** Big-endian, as ports are. */
export function port16(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return attribute(type, bytes);
}

export interface Message {
  type: number;
  flags: number;
  /** The family's fixed part, then attributes. */
  body: readonly Buffer[];
}

/** All in one buffer; sequence numbers from 0. */
export function encodeMessages(messages: readonly Message[]): Buffer {
  return Buffer.concat(
    messages.flatMap(({ type, flags, body }, sequence) => {
      const header = Buffer.alloc(headerBytes);
      const length = body.reduce((sum, part) => sum + part.length, headerBytes);
      header.writeUInt32LE(length, 0);
      header.writeUInt16LE(type, 4);
      header.writeUInt16LE(flags | messageFlags.request, 6);
      header.writeUInt32LE(sequence, 8);
      return [header, ...body, Buffer.alloc(aligned(length) - length)];
    }),
  );
}

/** The messages of a reply: type and what follows the header. */
export function* decodeMessages(bytes: Buffer): Generator<{ type: number; body: Buffer }> {
  for (let offset = 0; offset + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(offset);
    if (length < headerBytes || offset + length > bytes.length) return;
    yield {
      type: bytes.readUInt16LE(offset + 4),
      body: bytes.subarray(offset + headerBytes, offset + length),
    };
    offset += aligned(length);
  }
}

/** Attributes by type (flags of the type removed); of several of one type the last. */
export function attributesOf(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let offset = 0; offset + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(offset);
    if (length < 4 || offset + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(offset + 2) & 0x3fff, bytes.subarray(offset + 4, offset + length));
    offset += aligned(length);
  }
  return attributes;
}

/** Decodes messages that arrive in pieces; the function keeps what is not whole yet. */
export function decodeStream(): (bytes: Buffer) => { type: number; body: Buffer }[] {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = Buffer.concat([rest, bytes]);
    let whole = 0;
    while (whole + headerBytes <= all.length) {
      const length = Math.max(aligned(all.readUInt32LE(whole)), headerBytes);
      if (whole + length > all.length) break;
      whole += length;
    }
    rest = all.subarray(whole);
    return [...decodeMessages(all.subarray(0, whole))];
  };
}
