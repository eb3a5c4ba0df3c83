// Takes a body out of received bytes: of known length, chunked (RFC 9112 §7.1), or until the connection closes.
// In: bytes, wherever they were cut. Out: content. May import: characters, limits, parse's lengths.
import { CR, HTAB, hexValue, isText, LF, SP, tokenLower } from './characters';
import { limits } from './limits';
import { BODY_CHUNKED, BODY_UNTIL_CLOSE } from './parse';

const SEMICOLON: u32 = 0x3b;
const EQUALS: u32 = 0x3d;
const QUOTE: u32 = 0x22;
const BACKSLASH: u32 = 0x5c;

const LENGTH: u8 = 0;
const UNTIL_CLOSE: u8 = 1;
// The states of the chunked coding, in the order of its grammar.
const CHUNK_START: u8 = 2;
const CHUNK_SIZE: u8 = 3;
const CHUNK_SIZE_LF: u8 = 4;
const CHUNK_DATA: u8 = 5;
const CHUNK_DATA_CR: u8 = 6;
const CHUNK_DATA_LF: u8 = 7;
const TRAILER_START: u8 = 8;
const TRAILER_NAME: u8 = 9;
const TRAILER_VALUE: u8 = 10;
const TRAILER_LF: u8 = 11;
const LAST_LF: u8 = 12;
const ENDED: u8 = 13;
// The states of chunk-ext; white space may stand around ";" (but for the first) and "=".
const EXTENSION_START: u8 = 14;
const EXTENSION_NAME: u8 = 15;
const EXTENSION_NAME_END: u8 = 16;
const EXTENSION_VALUE: u8 = 17;
const EXTENSION_TOKEN: u8 = 18;
const EXTENSION_QUOTED: u8 = 19;
const EXTENSION_ESCAPED: u8 = 20;
const EXTENSION_QUOTED_END: u8 = 21;
const EXTENSION_END: u8 = 22;

/** Another digit would make the size larger than any number of bytes that can come. */
const CHUNK_SIZE_BEFORE_DIGIT: u64 = (1 << 56) - 1;

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
      if (body.state >= EXTENSION_START) readExtension(body, c);
      else readTrailer(body, c);
  }
}

/** chunk-size, leading zeros among it up to the bound of an extension; a space before an extension is not accepted: it has been read differently by others. */
function readSize(body: BodyReader, c: u32): void {
  const digit = hexValue(c);
  if (digit >= 0) {
    if (body.remaining > CHUNK_SIZE_BEFORE_DIGIT || ++body.partBytes > limits.chunkExtensionBytes)
      body.error = 400;
    body.remaining = (body.remaining << 4) | <u64>digit;
  } else {
    body.partBytes = 0;
    if (c == CR) body.state = CHUNK_SIZE_LF;
    else if (c == SEMICOLON) body.state = EXTENSION_START;
    else body.error = 400;
  }
}

/** *( ";" chunk-ext-name [ "=" ( token / quoted-string ) ] ) of RFC 9112 §7.1.1: checked, bounded, dropped. */
function readExtension(body: BodyReader, c: u32): void {
  const next = extensionState(body.state, c);
  if (next == 0 || ++body.partBytes > limits.chunkExtensionBytes) body.error = 400;
  else body.state = next;
}

/** The state after `c`; 0: not the grammar. */
function extensionState(state: u8, c: u32): u8 {
  const space = c == SP || c == HTAB;
  const token = tokenLower(c) != 0;
  switch (state) {
    case EXTENSION_START:
      return space ? state : token ? EXTENSION_NAME : 0;
    case EXTENSION_NAME:
      if (token) return state;
      return c == EQUALS ? EXTENSION_VALUE : afterExtension(c, EXTENSION_NAME_END);
    case EXTENSION_NAME_END:
      if (space) return state;
      return c == EQUALS ? EXTENSION_VALUE : c == SEMICOLON ? EXTENSION_START : 0;
    case EXTENSION_VALUE:
      if (space) return state;
      return c == QUOTE ? EXTENSION_QUOTED : token ? EXTENSION_TOKEN : 0;
    case EXTENSION_TOKEN:
      return token ? state : afterExtension(c, EXTENSION_END);
    case EXTENSION_QUOTED:
      if (c == QUOTE) return EXTENSION_QUOTED_END;
      if (c == BACKSLASH) return EXTENSION_ESCAPED;
      return isText(c) || c >= 0x80 ? state : 0;
    case EXTENSION_ESCAPED:
      return isText(c) || c >= 0x80 ? EXTENSION_QUOTED : 0;
    case EXTENSION_QUOTED_END:
      return afterExtension(c, EXTENSION_END);
    default:
      return space ? state : c == SEMICOLON ? EXTENSION_START : 0;
  }
}

/** A name or value may end here: the line, another extension, or white space before one (`afterSpace`). */
function afterExtension(c: u32, afterSpace: u8): u8 {
  if (c == CR) return CHUNK_SIZE_LF;
  if (c == SEMICOLON) return EXTENSION_START;
  return c == SP || c == HTAB ? afterSpace : 0;
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
