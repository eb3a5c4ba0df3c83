/**
 * As much of DNS messages (RFC 1035 §4) as a forwarder needs: the question of a query, answers of its own.
 *
 * In: messages. Out: the question; replies. May import: nothing.
 */

export const dnsPort = 53;
const headerBytes = 12;
const maxNameBytes = 255;

/** RFC 1035 §3.2.2, RFC 3596. */
export const recordTypes = { a: 1, aaaa: 28 } as const;
/** RFC 1035 §4.1.1. */
export const responseCodes = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3 } as const;

export interface Question {
  /** Lower case, without the final dot. */
  name: string;
  type: number;
  class: number;
  /** Where the question section ends. */
  end: number;
}

/** The only question of a query; undefined when the message is no query with exactly one. */
export function parseQuery(bytes: Uint8Array): Question | undefined {
  if (bytes.length < headerBytes + 5) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const isQuery = (bytes[2]! & 0xf8) === 0;
  if (!isQuery || view.getUint16(4) !== 1) return undefined;
  const labels: string[] = [];
  let at = headerBytes;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > 63 || at - headerBytes + length >= maxNameBytes) return undefined;
    at++;
    if (length === 0) break;
    if (at + length > bytes.length) return undefined;
    labels.push(Buffer.from(bytes.subarray(at, at + length)).toString('latin1'));
    at += length;
  }
  if (at + 4 > bytes.length) return undefined;
  return {
    name: labels.join('.').toLowerCase(),
    type: view.getUint16(at),
    class: view.getUint16(at + 2),
    end: at + 4,
  };
}

/** A reply to `query` with the given code and A records. */
export function emitReply(
  query: Uint8Array,
  question: Question,
  code: number,
  addresses: readonly number[] = [],
  ttlSeconds = 0,
): Uint8Array {
  const bytes = new Uint8Array(question.end + addresses.length * 16);
  const view = new DataView(bytes.buffer);
  bytes.set(query.subarray(0, question.end));
  // QR and RA set, RD as asked (RFC 1035 §4.1.1).
  bytes[2] = 0x80 | (query[2]! & 0x01);
  bytes[3] = 0x80 | code;
  view.setUint16(6, addresses.length);
  view.setUint32(8, 0);
  for (const [index, address] of addresses.entries()) {
    const at = question.end + index * 16;
    // A pointer to the question's name (RFC 1035 §4.1.4).
    view.setUint16(at, 0xc000 | headerBytes);
    view.setUint16(at + 2, recordTypes.a);
    view.setUint16(at + 4, 1);
    view.setUint32(at + 6, ttlSeconds);
    view.setUint16(at + 10, 4);
    view.setUint32(at + 12, address);
  }
  return bytes;
}
