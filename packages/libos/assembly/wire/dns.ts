/**
 * DNS messages (RFC 1035 §4): queries for A records out, responses in. Names are kept in wire form (labels with length
 * bytes, ending in 0), lower case, at most 255 bytes (§2.3.4). Parsing never reads outside the message, and pointers
 * must lead backwards, so that there are no loops. In: bytes, out: answers. May import: storage.
 */
import { load16, load32, store16 } from '../storage/bytes';

export const DNS_PORT: u32 = 53;
export const DNS_HEADER_BYTES: u32 = 12;
export const DNS_NAME_LIMIT: u32 = 255;
/** Addresses kept of one answer. */
export const DNS_ADDRESS_LIMIT: u32 = 16;
export const RCODE_NAME_ERROR: u32 = 3;

const LABEL_LIMIT: u32 = 63;
const TYPE_A: u32 = 1;
const TYPE_CNAME: u32 = 5;
const TYPE_SOA: u32 = 6;
const CLASS_IN: u32 = 1;
const FLAG_RESPONSE: u32 = 0x8000;
const FLAG_TRUNCATED: u32 = 0x0200;
const FLAG_RECURSION_DESIRED: u32 = 0x0100;
const OPCODE_MASK: u32 = 0x7800;
/** Records looked at in one message. */
const RECORD_LIMIT: u32 = 64;
/** Links of a CNAME chain followed in one message. */
const CHAIN_LIMIT: u32 = 8;

export const DNS_MALFORMED: u32 = 0;
/** Addresses were found. */
export const DNS_ANSWER: u32 = 1;
/** The name does not exist. */
export const DNS_NO_NAME: u32 = 2;
/** The name exists without an A record. */
export const DNS_NO_DATA: u32 = 3;
/** A CNAME leads to a name that the message says nothing about: `dnsTarget`. */
export const DNS_CONTINUE: u32 = 4;
/** Ask again over TCP. */
export const DNS_TRUNCATED: u32 = 5;
/** The server failed or refused. */
export const DNS_FAILURE: u32 = 6;

/** Results of `dnsParse`. */
export const dnsAddresses: usize = memory.data(64, 4);
export let dnsAddressCount: u32 = 0;
/** Smallest TTL of the records used; for negative answers by RFC 2308 §5, 0 when there was no SOA. */
export let dnsTtlSeconds: u32 = 0;
/** End of the CNAME chain. */
export const dnsTarget: usize = memory.data(256);

const owner: usize = memory.data(256);

/** Bytes of a name in wire form, its final 0 included. */
export function dnsNameBytes(name: usize): u32 {
  let at: u32 = 0;
  while (load<u8>(name + <usize>at) != 0) at += 1 + <u32>load<u8>(name + <usize>at);
  return at + 1;
}

export function dnsNamesEqual(a: usize, b: usize): bool {
  const bytes = dnsNameBytes(a);
  return bytes == dnsNameBytes(b) && memory.compare(a, b, bytes) == 0;
}

/**
 * Puts a name from text: labels between dots, a final dot allowed. Returns its bytes in wire form, or 0: empty or too
 * long, an empty label, or a character outside visible ASCII (other alphabets come as Punycode, RFC 3492).
 */
export function dnsNameFromText(text: usize, length: u32, destination: usize): u32 {
  if (length > 0 && load<u8>(text + <usize>(length - 1)) == 0x2e) length--;
  if (length == 0 || length > DNS_NAME_LIMIT - 2) return 0;
  let labelStart: u32 = 0;
  for (let i: u32 = 0; i <= length; i++) {
    const character: u32 = i < length ? <u32>load<u8>(text + <usize>i) : 0x2e;
    if (character == 0x2e) {
      const label = i - labelStart;
      if (label == 0 || label > LABEL_LIMIT) return 0;
      store<u8>(destination + <usize>labelStart, <u8>label);
      labelStart = i + 1;
      continue;
    }
    if (character < 0x21 || character > 0x7e) return 0;
    store<u8>(destination + <usize>(i + 1), <u8>toLower(character));
  }
  store<u8>(destination + <usize>(length + 1), 0);
  return length + 2;
}

function toLower(character: u32): u32 {
  return character >= 0x41 && character <= 0x5a ? character | 0x20 : character;
}

/**
 * Reads a possibly compressed name at `offset` (§4.1.4) into `destination` (256 bytes), lower case. Returns the offset
 * after it, or 0: malformed.
 */
export function dnsReadName(message: usize, length: u32, offset: u32, destination: usize): u32 {
  let at = offset;
  let lowest = offset;
  let after: u32 = 0;
  let written: u32 = 0;
  while (at < length) {
    const label = <u32>load<u8>(message + <usize>at);
    if (label >= 0xc0) {
      if (at + 2 > length) return 0;
      if (after == 0) after = at + 2;
      at = load16(message + <usize>at) & 0x3fff;
      // Only ever backwards: every jump leaves fewer places to jump to.
      if (at >= lowest) return 0;
      lowest = at;
      continue;
    }
    if (label > LABEL_LIMIT || at + 1 + label > length || written + 1 + label > DNS_NAME_LIMIT) return 0;
    store<u8>(destination + <usize>written, <u8>label);
    written++;
    at++;
    if (label == 0) return after == 0 ? at : after;
    for (let i: u32 = 0; i < label; i++)
      store<u8>(destination + <usize>(written + i), <u8>toLower(<u32>load<u8>(message + <usize>(at + i))));
    written += label;
    at += label;
  }
  return 0;
}

/** Writes a recursive query for the A records of `name`; returns its length. */
export function dnsEmitQuery(message: usize, identifier: u32, name: usize): u32 {
  store16(message, identifier);
  store16(message + 2, FLAG_RECURSION_DESIRED);
  store16(message + 4, 1);
  store16(message + 6, 0);
  store<u32>(message, 0, 8);
  const bytes = dnsNameBytes(name);
  memory.copy(message + <usize>DNS_HEADER_BYTES, name, bytes);
  store16(message + <usize>(DNS_HEADER_BYTES + bytes), TYPE_A);
  store16(message + <usize>(DNS_HEADER_BYTES + bytes + 2), CLASS_IN);
  return DNS_HEADER_BYTES + bytes + 4;
}

/** One resource record (§4.1.3), set by `readRecord`. */
let recordType: u32 = 0;
let recordTtl: u32 = 0;
let recordData: u32 = 0;
let recordDataLength: u32 = 0;

/** Reads the record at `offset`, its name into `owner`; returns the offset after it, 0: malformed. */
function readRecord(message: usize, length: u32, offset: u32): u32 {
  const at = dnsReadName(message, length, offset, owner);
  if (at == 0 || at + 10 > length) return 0;
  const fields = message + <usize>at;
  recordType = load16(fields + 2) == CLASS_IN ? load16(fields) : 0;
  // RFC 2181 §8: a TTL with the top bit set counts as 0.
  recordTtl = load32(fields + 4);
  if (recordTtl >> 31 != 0) recordTtl = 0;
  recordDataLength = load16(fields + 8);
  recordData = at + 10;
  return recordData + recordDataLength <= length ? recordData + recordDataLength : 0;
}

/** Takes a response to the query for `name` with `identifier` apart. Returns DNS_*. */
export function dnsParse(message: usize, length: u32, identifier: u32, name: usize): u32 {
  if (length < DNS_HEADER_BYTES || load16(message) != identifier) return DNS_MALFORMED;
  const flags = load16(message + 2);
  if ((flags & FLAG_RESPONSE) == 0 || (flags & OPCODE_MASK) != 0 || load16(message + 4) != 1)
    return DNS_MALFORMED;
  let at = dnsReadName(message, length, DNS_HEADER_BYTES, owner);
  if (at == 0 || at + 4 > length || !dnsNamesEqual(owner, name)) return DNS_MALFORMED;
  if (load16(message + <usize>at) != TYPE_A || load16(message + <usize>(at + 2)) != CLASS_IN)
    return DNS_MALFORMED;
  at += 4;
  if ((flags & FLAG_TRUNCATED) != 0) return DNS_TRUNCATED;
  const rcode = flags & 15;
  if (rcode != 0 && rcode != RCODE_NAME_ERROR) return DNS_FAILURE;
  return followChain(message, length, at, name, rcode);
}

/** Follows CNAMEs from `name` through the answer section to addresses. */
function followChain(message: usize, length: u32, answers: u32, name: usize, rcode: u32): u32 {
  const count = min<u32>(load16(message + 6), RECORD_LIMIT);
  memory.copy(dnsTarget, name, dnsNameBytes(name));
  dnsAddressCount = 0;
  dnsTtlSeconds = u32.MAX_VALUE;
  let links: u32 = 0;
  let authority: u32 = 0;
  while (true) {
    let at = answers;
    let moved = false;
    for (let i: u32 = 0; i < count; i++) {
      at = readRecord(message, length, at);
      if (at == 0) return DNS_MALFORMED;
      if (moved || !dnsNamesEqual(owner, dnsTarget)) continue;
      if (recordType == TYPE_A && recordDataLength == 4) {
        if (dnsAddressCount < DNS_ADDRESS_LIMIT)
          store<u32>(dnsAddresses + <usize>(4 * dnsAddressCount++), load32(message + <usize>recordData));
        dnsTtlSeconds = min(dnsTtlSeconds, recordTtl);
      } else if (recordType == TYPE_CNAME && dnsAddressCount == 0) {
        const end = dnsReadName(message, recordData + recordDataLength, recordData, dnsTarget);
        if (end == 0) return DNS_MALFORMED;
        dnsTtlSeconds = min(dnsTtlSeconds, recordTtl);
        moved = true;
      }
    }
    authority = at;
    if (dnsAddressCount > 0) return DNS_ANSWER;
    if (!moved) break;
    if (++links > CHAIN_LIMIT) return DNS_FAILURE;
  }
  const complete = load16(message + 6) <= RECORD_LIMIT;
  const negativeTtl = complete ? negativeLifetime(message, length, authority) : 0;
  if (rcode == RCODE_NAME_ERROR) {
    dnsTtlSeconds = min(dnsTtlSeconds, negativeTtl);
    return DNS_NO_NAME;
  }
  // A chain that ends without an SOA was not followed to its end by the server.
  if (links > 0 && negativeTtl == 0) return DNS_CONTINUE;
  dnsTtlSeconds = min(dnsTtlSeconds, negativeTtl);
  return DNS_NO_DATA;
}

/** RFC 2308 §5: the smaller of the SOA's TTL and its MINIMUM field; 0 without an SOA. */
function negativeLifetime(message: usize, length: u32, authority: u32): u32 {
  const count = min<u32>(load16(message + 8), RECORD_LIMIT);
  let at = authority;
  for (let i: u32 = 0; i < count; i++) {
    at = readRecord(message, length, at);
    if (at == 0) return 0;
    if (recordType != TYPE_SOA || recordDataLength < 22) continue;
    return min(recordTtl, load32(message + <usize>(recordData + recordDataLength - 4)));
  }
  return 0;
}
