// Takes a body out of received bytes: of known length, chunked (RFC 9112 §7.1), or until the connection closes.
// In: bytes, wherever they were cut. Out: content. May import: characters, limits, parse's lengths.
import { CR, hexValue, isText, LF, tokenLower } from './characters';
import { limits } from './limits';
import { BODY_CHUNKED, BODY_UNTIL_CLOSE } from './parse';

const LENGTH: u8 = 0;
const UNTIL_CLOSE: u8 = 1;
// The states of the chunked coding, in the order of its grammar.
const CHUNK_START: u8 = 2;
const CHUNK_SIZE: u8 = 3;
const CHUNK_EXTENSION: u8 = 4;
const CHUNK_SIZE_LF: u8 = 5;
const CHUNK_DATA: u8 = 6;
const CHUNK_DATA_CR: u8 = 7;
const CHUNK_DATA_LF: u8 = 8;
const TRAILER_START: u8 = 9;
const TRAILER_NAME: u8 = 10;
const TRAILER_VALUE: u8 = 11;
const TRAILER_LF: u8 = 12;
const LAST_LF: u8 = 13;
const ENDED: u8 = 14;

/** More digits could overflow. */
const CHUNK_SIZE_DIGITS: u32 = 15;

/** Where one body stands. */
@unmanaged
export class BodyReader {
  state: u8;
  /** Status of an error in the framing: 400 or 413; 0 none. */
  error: u16;
  /** Bytes of the current chunk or of the whole body that are still to come. */
  remaining: u64;
  /** Content so far. */
  received: u64;
  /** Digits, extension bytes or trailer bytes of the part being read. */
  partBytes: u32;
  /** Limit of `received`; 413 above. */
  limit: u64;
}

/** Results of `readBody`. */
export let bodyTaken: u32 = 0;
export let bodyGiven: u32 = 0;

/** Starts a body of `length` bytes, BODY_CHUNKED or BODY_UNTIL_CLOSE; `limit` bounds its content. */
export function bodyStart(body: BodyReader, length: i64, limit: u64): void {
  body.error = 0;
  body.received = 0;
  body.partBytes = 0;
  body.limit = limit;
  body.remaining = length > 0 ? <u64>length : 0;
  if (length == BODY_CHUNKED) body.state = CHUNK_START;
  else if (length == BODY_UNTIL_CLOSE) body.state = UNTIL_CLOSE;
  else body.state = length == 0 ? ENDED : LENGTH;
}

/** Whether everything has been taken. */
export function bodyEnded(body: BodyReader): bool {
  return body.state == ENDED;
}

/** The peer's FIN: ends a body that lasts until then; any other is incomplete (false). */
export function bodyClosed(body: BodyReader): bool {
  if (body.state == UNTIL_CLOSE) body.state = ENDED;
  return body.state == ENDED;
}

/** Bytes to come when the length is known, else u64.MAX_VALUE. */
export function bodyRemaining(body: BodyReader): u64 {
  if (body.state == ENDED) return 0;
  return body.state == LENGTH ? body.remaining : u64.MAX_VALUE;
}

/**
 * Takes received bytes and copies at most `capacity` content bytes to `destination` (0: throws them away). Leaves
 * the counts in `bodyTaken` and `bodyGiven`; a wrong framing is in `body.error`.
 */
export function readBody(
  body: BodyReader,
  source: usize,
  length: u32,
  destination: usize,
  capacity: u32,
): void {
  const end = source + <usize>length;
  let p = source;
  let given: u32 = 0;
  while (p < end && body.state != ENDED && body.error == 0) {
    if (body.state == LENGTH || body.state == CHUNK_DATA || body.state == UNTIL_CLOSE) {
      if (given == capacity) break;
      let n = min(<u32>(end - p), capacity - given);
      if (body.state != UNTIL_CLOSE) n = <u32>min<u64>(<u64>n, body.remaining);
      body.received += <u64>n;
      if (body.received > body.limit) {
        body.error = 413;
        break;
      }
      if (destination != 0) memory.copy(destination + <usize>given, p, n);
      given += n;
      p += n;
      body.remaining -= <u64>n;
      if (body.state == LENGTH && body.remaining == 0) body.state = ENDED;
      else if (body.state == CHUNK_DATA && body.remaining == 0) body.state = CHUNK_DATA_CR;
    } else frame(body, load<u8>(p++));
  }
  bodyTaken = <u32>(p - source);
  bodyGiven = given;
}

/** One byte of the chunked framing. */
function frame(body: BodyReader, c: u32): void {
  switch (body.state) {
    case CHUNK_START:
      body.remaining = 0;
      body.partBytes = 0;
      body.state = CHUNK_SIZE;
      if (hexValue(c) < 0) body.error = 400;
    // The first digit is a digit.
    case CHUNK_SIZE:
      readSize(body, c);
      return;
    case CHUNK_EXTENSION:
      if (c == CR) body.state = CHUNK_SIZE_LF;
      else if (!isText(c) || ++body.partBytes > limits.chunkExtensionBytes) body.error = 400;
      return;
    case CHUNK_SIZE_LF:
      body.partBytes = 0;
      body.state = body.remaining == 0 ? TRAILER_START : CHUNK_DATA;
      if (c != LF) body.error = 400;
      else if (body.remaining > body.limit - body.received) body.error = 413;
      return;
    case CHUNK_DATA_CR:
      body.state = CHUNK_DATA_LF;
      if (c != CR) body.error = 400;
      return;
    case CHUNK_DATA_LF:
      body.state = CHUNK_START;
      if (c != LF) body.error = 400;
      return;
    default:
      readTrailer(body, c);
  }
}

/** chunk-size; a space before an extension is not accepted: it has been read differently by others. */
function readSize(body: BodyReader, c: u32): void {
  const digit = hexValue(c);
  if (digit >= 0) {
    body.remaining = (body.remaining << 4) | <u64>digit;
    if (++body.partBytes > CHUNK_SIZE_DIGITS) body.error = 400;
  } else {
    body.partBytes = 0;
    if (c == CR) body.state = CHUNK_SIZE_LF;
    else if (c == 0x3b) body.state = CHUNK_EXTENSION;
    else body.error = 400;
  }
}

/** Trailer fields: checked like those of a head, counted, dropped (RFC 9110 §6.5.1 allows that). */
function readTrailer(body: BodyReader, c: u32): void {
  if (++body.partBytes > limits.fieldBytes) {
    body.error = 431;
    return;
  }
  switch (body.state) {
    case TRAILER_START:
      if (c == CR) body.state = LAST_LF;
      else if (tokenLower(c) != 0) body.state = TRAILER_NAME;
      else body.error = 400;
      return;
    case TRAILER_NAME:
      if (c == 0x3a) body.state = TRAILER_VALUE;
      else if (tokenLower(c) == 0) body.error = 400;
      return;
    case TRAILER_VALUE:
      if (c == CR) body.state = TRAILER_LF;
      else if (!isText(c) && c < 0x80) body.error = 400;
      return;
    case TRAILER_LF:
      body.state = TRAILER_START;
      if (c != LF) body.error = 400;
      return;
    default:
      body.state = ENDED;
      if (c != LF) body.error = 400;
  }
}
