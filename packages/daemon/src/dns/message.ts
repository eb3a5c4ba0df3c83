/**
 * DNS messages as far as the resolver reads and writes them (RFC 1035 §4.1).
 *
 * In: bytes of clients and servers, never trusted. Out: a question; replies. Pure. May import: dns-packet.
 */
import * as dnsPacket from 'dns-packet';

export interface Query {
  id: number;
  /** As asked, without the dot at the end. */
  name: string;
  /** `A`, `AAAA`, `PTR`, …; `UNKNOWN_…` for others. */
  type: string;
  /** What the client takes by UDP: 512, or what its OPT record says (RFC 6891 §6.2.3). */
  udpLimitBytes: number;
  /** Header and question as they came. */
  head: Buffer;
}

export const headerBytes = 12;
const plainUdpLimitBytes = 512;
/** TTL of our own answers, as Docker's. */
const answerTtlSeconds = 600;

const flag = { response: 0x8000, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 };
export const rcode = { success: 0, serverFailure: 2, nameError: 3, refused: 5 } as const;
const opcodeMask = 0x7800;
const rcodeMask = 0x000f;

/** Where the question of a message ends, or undefined when it is not one plain question. */
function endOfQuestion(message: Buffer): number | undefined {
  let at = headerBytes;
  while (at < message.length && message[at] !== 0) {
    if (message[at]! > 63) return undefined;
    at += message[at]! + 1;
  }
  const end = at + 5;
  return end <= message.length ? end : undefined;
}

/** A standard query with one question; undefined for everything else, which is ignored. */
export function parseQuery(message: Buffer): Query | undefined {
  if (message.length < headerBytes) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & (flag.response | opcodeMask) || message.readUInt16BE(4) !== 1) return undefined;
  const end = endOfQuestion(message);
  if (end === undefined) return undefined;
  try {
    const { id = 0, questions = [], additionals = [] } = dnsPacket.decode(message);
    const [question] = questions;
    if (!question) return undefined;
    const options = additionals.find((record) => record.type === 'OPT') as dnsPacket.OptAnswer | undefined;
    return {
      id,
      name: question.name === '.' ? '' : question.name,
      type: question.type,
      udpLimitBytes: Math.max(plainUdpLimitBytes, options?.udpPayloadSize ?? 0),
      head: message.subarray(0, end),
    };
  } catch {
    return undefined;
  }
}

function replyHead(query: Query, answers: number, code: number): Buffer {
  const head = Buffer.from(query.head);
  const asked = head.readUInt16BE(2) & flag.recursionDesired;
  head.writeUInt16BE(flag.response | asked | flag.recursionAvailable | code, 2);
  head.writeUInt16BE(answers, 6);
  head.writeUInt32BE(0, 8);
  return head;
}

/** A reply without records. */
export const emptyReply = (query: Query, code: number): Buffer => replyHead(query, 0, code);

/** Own answers; cut to `limitBytes` with the truncation flag set when they do not fit (RFC 2181 §9). */
export function answerReply(
  query: Query,
  type: 'A' | 'AAAA' | 'PTR',
  values: readonly string[],
  limitBytes: number,
): Buffer {
  const records = values.map((data) =>
    dnsPacket
      .encode({ answers: [{ type, name: query.name, ttl: answerTtlSeconds, class: 'IN', data }] })
      .subarray(headerBytes),
  );
  const fitting: Buffer[] = [];
  let size = query.head.length;
  for (const record of records) {
    size += record.length;
    if (size > limitBytes) break;
    fitting.push(record);
  }
  const head = replyHead(query, fitting.length, rcode.success);
  if (fitting.length < records.length) head.writeUInt16BE(head.readUInt16BE(2) | flag.truncated, 2);
  return Buffer.concat([head, ...fitting]);
}

/** Whether `reply` answers the message `asked` with `id`: header and question alike. */
export function answers(reply: Buffer, asked: Query, id: number): boolean {
  if (reply.length < headerBytes || reply.readUInt16BE(0) !== id) return false;
  if (!(reply.readUInt16BE(2) & flag.response)) return false;
  // A server that understood nothing may leave the question out.
  if (reply.readUInt16BE(4) === 0) return true;
  const question = reply.subarray(headerBytes, asked.head.length);
  return (
    question.toString('latin1').toLowerCase() === asked.head.toString('latin1', headerBytes).toLowerCase()
  );
}

export const codeOf = (reply: Buffer): number => reply[3]! & rcodeMask;
