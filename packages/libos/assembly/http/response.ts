// Response heads (RFC 9112 §4, §6): status line, the application's fields, Date, framing, Connection.
// In: what the application answers. Out: bytes in the scratch memory, how the content is sent in the connection.
// May import: body-reader, connection, date, header-block, limits, status, text.
import { ERROR_EINVAL, ERROR_EMSGSIZE } from '../platform/index';
import { bodyRemaining } from './body-reader';
import {
  Connection,
  SEND_CHUNKED,
  SEND_LENGTH,
  SEND_NO_CONTENT,
  SEND_UNTIL_CLOSE,
  scratch,
} from './connection';
import { DATE_LINE_BYTES, writeDateLine } from './date';
import { blockClose, blockContentLength, blockHasDate, blockLength, copyHeaderBlock } from './header-block';
import { limits } from './limits';
import { isFinalStatus, writeStatusLine } from './status';
import { putDecimal, putText } from './text';

/** Room for everything in a head but the application's fields. */
export const HEAD_EXTRA_BYTES: u32 = 512;

/**
 * Writes the head into the scratch memory; `contentLength` -1: not known. Returns its length, EINVAL for a bad
 * status or bad lines, EMSGSIZE for too many; the connection is then as before.
 */
export function writeResponseHead(
  connection: Connection,
  status: u32,
  headers: usize,
  headersLength: u32,
  contentLength: i64,
): i32 {
  if (!isFinalStatus(status)) return ERROR_EINVAL;
  if (headersLength > limits.headerBlockBytes) return ERROR_EMSGSIZE;
  let out = scratch + <usize>writeStatusLine(scratch, status);
  if (!copyHeaderBlock(headers, headersLength, out)) return ERROR_EINVAL;
  out += <usize>blockLength;
  if (!blockHasDate) {
    writeDateLine(out);
    out += DATE_LINE_BYTES;
  }
  const silent = connection.isHead || status == 204 || status == 304;
  let declared = status == 205 ? 0 : contentLength;
  // Without content the application's own figure may tell what a GET would have brought (RFC 9110 §8.6).
  if (blockContentLength >= 0 && (declared < 0 || (silent && declared == 0))) declared = blockContentLength;
  connection.sendRemaining = declared > 0 ? <u64>declared : 0;
  if (status == 204 || (status == 304 && declared <= 0)) connection.sending = SEND_NO_CONTENT;
  else if (declared >= 0) {
    out = putText(out, 'Content-Length: ');
    out = putDecimal(out, <u64>declared);
    store<u16>(out, 0x0a0d);
    out += 2;
    connection.sending = silent ? SEND_NO_CONTENT : SEND_LENGTH;
  } else if (connection.isHttp10) {
    connection.sending = silent ? SEND_NO_CONTENT : SEND_UNTIL_CLOSE;
    if (!silent) connection.closeAfter = true;
  } else {
    out = putText(out, 'Transfer-Encoding: chunked\r\n');
    connection.sending = silent ? SEND_NO_CONTENT : SEND_CHUNKED;
  }
  // A client that waits for 100 may or may not send its content now (RFC 9110 §10.1.1); a long rest is not read.
  const rest = bodyRemaining(connection.body);
  if (blockClose || connection.continueWanted || (rest != u64.MAX_VALUE && rest > limits.discardBytes))
    connection.closeAfter = true;
  if (connection.closeAfter) out = putText(out, 'Connection: close\r\n');
  else if (connection.isHttp10) out = putText(out, 'Connection: keep-alive\r\n');
  store<u16>(out, 0x0a0d);
  return <i32>(out + 2 - scratch);
}

/** Writes a whole answer of libos itself into the scratch memory; returns its length. The connection ends after it. */
export function writeErrorResponse(connection: Connection, status: u32): u32 {
  let out = scratch + <usize>writeStatusLine(scratch, status);
  const reason = scratch + 13;
  const reasonLength = <u32>(out - reason) - 2;
  writeDateLine(out);
  out += DATE_LINE_BYTES;
  if (status == 503) out = putText(out, 'Retry-After: 1\r\n');
  out = putText(out, 'Content-Type: text/plain; charset=utf-8\r\nContent-Length: ');
  out = putDecimal(out, <u64>(reasonLength + 1));
  out = putText(out, '\r\nConnection: close\r\n\r\n');
  if (!connection.isHead) {
    memory.copy(out, reason, reasonLength);
    out += <usize>reasonLength;
    store<u8>(out++, 0x0a);
  }
  connection.closeAfter = true;
  return <u32>(out - scratch);
}

/** `OPTIONS *` asks whether somebody is there (RFC 9110 §9.3.7). Returns the length in the scratch memory. */
export function writeOptionsResponse(connection: Connection): u32 {
  return <u32>writeResponseHead(connection, 200, 0, 0, 0);
}
