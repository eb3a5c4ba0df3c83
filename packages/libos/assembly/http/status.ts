// Status codes and their reason phrases (RFC 9110 §15), as whole status lines ready to copy.
// In: a status. Out: bytes. May import: storage, text.
import { arenaAllocate } from '../storage/arena';
import { putDecimal, putText } from './text';

const FIRST: u32 = 100;
const LAST: u32 = 599;
/** Per status: address and length of its status line; 0 for one without a registered phrase. */
const lines = memory.data(500 * 4);
const lengths = memory.data(500);

function add(status: u32, reason: string): void {
  const line = arenaAllocate(16 + <usize>reason.length);
  let out = putDecimal(putText(line, 'HTTP/1.1 '), <u64>status);
  store<u8>(out++, 0x20);
  out = putText(out, reason);
  store<u16>(out, 0x0a0d);
  store<u32>(lines + 4 * <usize>(status - FIRST), <u32>line);
  store<u8>(lengths + <usize>(status - FIRST), <u8>(out + 2 - line));
}

/** Composes the lines; before any is written. */
export function initialiseStatus(): void {
  add(200, 'OK');
  add(201, 'Created');
  add(202, 'Accepted');
  add(203, 'Non-Authoritative Information');
  add(204, 'No Content');
  add(205, 'Reset Content');
  add(206, 'Partial Content');
  add(300, 'Multiple Choices');
  add(301, 'Moved Permanently');
  add(302, 'Found');
  add(303, 'See Other');
  add(304, 'Not Modified');
  add(307, 'Temporary Redirect');
  add(308, 'Permanent Redirect');
  add(400, 'Bad Request');
  add(401, 'Unauthorized');
  add(402, 'Payment Required');
  add(403, 'Forbidden');
  add(404, 'Not Found');
  add(405, 'Method Not Allowed');
  add(406, 'Not Acceptable');
  add(407, 'Proxy Authentication Required');
  add(408, 'Request Timeout');
  add(409, 'Conflict');
  add(410, 'Gone');
  add(411, 'Length Required');
  add(412, 'Precondition Failed');
  add(413, 'Content Too Large');
  add(414, 'URI Too Long');
  add(415, 'Unsupported Media Type');
  add(416, 'Range Not Satisfiable');
  add(417, 'Expectation Failed');
  add(421, 'Misdirected Request');
  add(422, 'Unprocessable Content');
  add(426, 'Upgrade Required');
  add(428, 'Precondition Required');
  add(429, 'Too Many Requests');
  add(431, 'Request Header Fields Too Large');
  add(451, 'Unavailable For Legal Reasons');
  add(500, 'Internal Server Error');
  add(501, 'Not Implemented');
  add(502, 'Bad Gateway');
  add(503, 'Service Unavailable');
  add(504, 'Gateway Timeout');
  add(505, 'HTTP Version Not Supported');
  add(511, 'Network Authentication Required');
}

/** Whether an application may answer with it: final, three digits. */
export function isFinalStatus(status: u32): bool {
  return status >= 200 && status <= LAST;
}

/** Writes the status line with its CRLF; returns its length, at most 64. */
export function writeStatusLine(out: usize, status: u32): u32 {
  const line = load<u32>(lines + 4 * <usize>(status - FIRST));
  const length = <u32>load<u8>(lengths + <usize>(status - FIRST));
  if (line != 0) {
    memory.copy(out, <usize>line, length);
    return length;
  }
  // RFC 9112 §4: the space stays when there is no reason phrase.
  memory.copy(out, <usize>load<u32>(lines + 4 * 100), 9); // "HTTP/1.1 "
  store<u8>(out, <u8>(0x30 + status / 100), 9);
  store<u8>(out, <u8>(0x30 + ((status / 10) % 10)), 10);
  store<u8>(out, <u8>(0x30 + (status % 10)), 11);
  store<u8>(out, 0x20, 12);
  store<u16>(out, 0x0a0d, 13);
  return 15;
}
