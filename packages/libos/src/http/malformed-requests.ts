/**
 * Requests that are wrong, and the status each must get; used over pipes here and over sockets by test/.
 *
 * In: nothing. Out: the table. May import: nothing. Sources: RFC 9112 §11.2 (request smuggling), published
 * desynchronisation shapes, RFC 9110.
 */

export interface MalformedRequest {
  name: string;
  /** Latin-1, one character a byte. */
  bytes: string;
  /** Of the (only or last) response. */
  status: number;
  /** Statuses of the responses before it. */
  before?: number[];
}

const get = (lines: string) => `GET / HTTP/1.1\r\n${lines}\r\n`;
const host = 'Host: a\r\n';
const post = (lines: string, body: string) => `POST / HTTP/1.1\r\n${host}${lines}\r\n${body}`;
const chunked = (body: string) => post('Transfer-Encoding: chunked\r\n', body);

export const malformedRequests: MalformedRequest[] = [
  // Request line (RFC 9112 §3).
  { name: 'no target', bytes: `GET HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'HTTP/0.9', bytes: 'GET /\r\n\r\n', status: 400 },
  { name: 'two spaces', bytes: `GET  / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'tab instead of space', bytes: `GET\t/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'space after the version', bytes: `GET / HTTP/1.1 \r\n${host}\r\n`, status: 400 },
  { name: 'space before the method', bytes: ` GET / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'space in the target', bytes: `GET /a b HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'NUL in the target', bytes: `GET /\0 HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'byte above 0x7f in the target', bytes: `GET /\xfc HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'DEL in the target', bytes: `GET /\x7f HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'fragment in the target', bytes: `GET /#a HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'target without a slash', bytes: `GET a HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'authority form with GET', bytes: `GET a:80 HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'asterisk form with GET', bytes: `GET * HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'another scheme', bytes: `GET ftp://a/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'absolute form without host', bytes: `GET http:/// HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'absolute form with user', bytes: `GET http://u@a/ HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'absolute form without Host', bytes: 'GET http://a/ HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'CONNECT', bytes: `CONNECT a:80 HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'TRACE', bytes: `TRACE / HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'separator in the method', bytes: `G@T / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'method in parentheses', bytes: `(GET) / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'method with NUL', bytes: `GE\0T / HTTP/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'method of 33 bytes', bytes: `${'M'.repeat(33)} / HTTP/1.1\r\n${host}\r\n`, status: 501 },
  { name: 'target of 8,193 bytes', bytes: `GET /${'a'.repeat(8192)} HTTP/1.1\r\n${host}\r\n`, status: 414 },
  { name: 'HTTP/2.0', bytes: `GET / HTTP/2.0\r\n${host}\r\n`, status: 505 },
  { name: 'HTTP/2 preface', bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', status: 505 },
  { name: 'HTTP/0.9 spelled out', bytes: `GET / HTTP/0.9\r\n${host}\r\n`, status: 505 },
  { name: 'version in lower case', bytes: `GET / http/1.1\r\n${host}\r\n`, status: 400 },
  { name: 'version without minor', bytes: `GET / HTTP/1\r\n${host}\r\n`, status: 400 },
  { name: 'version with two digits', bytes: `GET / HTTP/1.10\r\n${host}\r\n`, status: 400 },
  { name: 'version with a comma', bytes: `GET / HTTP/1,1\r\n${host}\r\n`, status: 400 },
  { name: 'another protocol', bytes: `GET / RTSP/1.0\r\n${host}\r\n`, status: 400 },
  { name: 'TLS client hello', bytes: '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', status: 400 },
  // Line ends (RFC 9112 §2.2).
  { name: 'LF after the request line', bytes: `GET / HTTP/1.1\n${host}\r\n`, status: 400 },
  { name: 'LF after a field', bytes: get('Host: a\n'), status: 400 },
  { name: 'LF as the empty line', bytes: `GET / HTTP/1.1\r\n${host}\n`, status: 400 },
  { name: 'CR after the request line', bytes: `GET / HTTP/1.1\r${host}\r\n`, status: 400 },
  { name: 'CR in a value', bytes: get(`${host}A: b\rC: d\r\n`), status: 400 },
  { name: 'CR CR LF', bytes: get(`${host}A: b\r\r\n`), status: 400 },
  { name: 'two empty lines before', bytes: `\r\n\r\n${get(host)}`, status: 400 },
  { name: 'LF before', bytes: `\n${get(host)}`, status: 400 },
  // Field lines (RFC 9112 §5).
  { name: 'space before the colon', bytes: get(`${host}A : b\r\n`), status: 400 },
  { name: 'tab before the colon', bytes: get(`${host}A\t: b\r\n`), status: 400 },
  {
    name: 'space before the colon of TE',
    bytes: post('Transfer-Encoding : chunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  { name: 'obs-fold', bytes: get(`${host}A: b\r\n c\r\n`), status: 400 },
  { name: 'obs-fold with tab', bytes: get(`${host}A: b\r\n\tc\r\n`), status: 400 },
  { name: 'space before the first field', bytes: get(` ${host}`), status: 400 },
  { name: 'no colon', bytes: get(`${host}A\r\n`), status: 400 },
  { name: 'no name', bytes: get(`${host}: b\r\n`), status: 400 },
  { name: 'separator in a name', bytes: get(`${host}A(b): c\r\n`), status: 400 },
  { name: 'byte above 0x7f in a name', bytes: get(`${host}\xc3\xa4: c\r\n`), status: 400 },
  { name: 'NUL in a name', bytes: get(`${host}A\0: c\r\n`), status: 400 },
  { name: 'NUL in a value', bytes: get(`${host}A: b\0c\r\n`), status: 400 },
  { name: 'control character in a value', bytes: get(`${host}A: b\x01\r\n`), status: 400 },
  { name: 'DEL in a value', bytes: get(`${host}A: b\x7f\r\n`), status: 400 },
  { name: 'vertical tab before a value', bytes: get(`${host}A:\x0bb\r\n`), status: 400 },
  { name: '101 fields', bytes: get(`${host}${'A: b\r\n'.repeat(100)}`), status: 431 },
  { name: 'one field of 16 KiB', bytes: get(`${host}A: ${'b'.repeat(16_384)}\r\n`), status: 431 },
  { name: 'a field name without end', bytes: `GET / HTTP/1.1\r\n${'A'.repeat(17_000)}`, status: 431 },
  // Host (RFC 9112 §3.2).
  { name: 'no Host', bytes: get(''), status: 400 },
  { name: 'two Hosts', bytes: get(host + host), status: 400 },
  { name: 'two different Hosts', bytes: get(`${host}Host: b\r\n`), status: 400 },
  { name: 'Host with a path', bytes: get('Host: a/b\r\n'), status: 400 },
  { name: 'Host with a user', bytes: get('Host: u@a\r\n'), status: 400 },
  { name: 'Host with a space', bytes: get('Host: a b\r\n'), status: 400 },
  { name: 'Host with a bad port', bytes: get('Host: a:b\r\n'), status: 400 },
  { name: 'Host with two ports', bytes: get('Host: a:1:2\r\n'), status: 400 },
  { name: 'Host with an open bracket', bytes: get('Host: [::1\r\n'), status: 400 },
  { name: 'two Hosts in HTTP/1.0', bytes: `GET / HTTP/1.0\r\n${host}${host}\r\n`, status: 400 },
  // Framing (RFC 9112 §6.3).
  {
    name: 'Content-Length and Transfer-Encoding',
    bytes: post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'),
    status: 400,
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', '0\r\n\r\nG'),
    status: 400,
  },
  {
    name: 'two Content-Lengths',
    bytes: post('Content-Length: 1\r\nContent-Length: 2\r\n', 'ab'),
    status: 400,
  },
  {
    name: 'two equal Content-Lengths',
    bytes: post('Content-Length: 1\r\nContent-Length: 1\r\n', 'a'),
    status: 400,
  },
  { name: 'list in Content-Length', bytes: post('Content-Length: 1, 1\r\n', 'a'), status: 400 },
  { name: 'sign in Content-Length', bytes: post('Content-Length: +1\r\n', 'a'), status: 400 },
  { name: 'negative Content-Length', bytes: post('Content-Length: -1\r\n', 'a'), status: 400 },
  { name: 'hexadecimal Content-Length', bytes: post('Content-Length: 0x1\r\n', 'a'), status: 400 },
  { name: 'empty Content-Length', bytes: post('Content-Length: \r\n', ''), status: 400 },
  { name: 'fraction in Content-Length', bytes: post('Content-Length: 1.0\r\n', 'a'), status: 400 },
  { name: 'space in Content-Length', bytes: post('Content-Length: 1 0\r\n', 'a'), status: 400 },
  {
    name: 'Content-Length above every limit',
    bytes: post(`Content-Length: ${'9'.repeat(30)}\r\n`, ''),
    status: 413,
  },
  { name: 'Content-Length above the limit', bytes: post('Content-Length: 104857601\r\n', ''), status: 413 },
  { name: 'Transfer-Encoding: identity', bytes: post('Transfer-Encoding: identity\r\n', ''), status: 400 },
  { name: 'Transfer-Encoding: gzip', bytes: post('Transfer-Encoding: gzip\r\n', ''), status: 400 },
  {
    name: 'Transfer-Encoding: gzip, chunked',
    bytes: post('Transfer-Encoding: gzip, chunked\r\n', ''),
    status: 501,
  },
  {
    name: 'Transfer-Encoding: chunked, gzip',
    bytes: post('Transfer-Encoding: chunked, gzip\r\n', ''),
    status: 400,
  },
  { name: 'chunked twice', bytes: post('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'), status: 400 },
  {
    name: 'chunked in two lines',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    status: 400,
  },
  {
    name: 'chunked, then identity in another line',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    status: 400,
  },
  { name: 'xchunked', bytes: post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'), status: 400 },
  {
    name: 'chunked with a parameter',
    bytes: post('Transfer-Encoding: chunked;a=b\r\n', '0\r\n\r\n'),
    status: 400,
  },
  { name: 'quoted chunked', bytes: post('Transfer-Encoding: "chunked"\r\n', '0\r\n\r\n'), status: 400 },
  { name: 'comma after chunked', bytes: post('Transfer-Encoding: chunked,\r\n', '0\r\n\r\n'), status: 400 },
  { name: 'comma before chunked', bytes: post('Transfer-Encoding: ,chunked\r\n', '0\r\n\r\n'), status: 400 },
  { name: 'empty Transfer-Encoding', bytes: post('Transfer-Encoding:\r\n', ''), status: 400 },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes: `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  // Chunks (RFC 9112 §7.1).
  { name: 'empty chunk size', bytes: chunked('\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size with 0x', bytes: chunked('0x1\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size with sign', bytes: chunked('+1\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size with a letter', bytes: chunked('1g\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size with space before', bytes: chunked(' 1\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size with space after', bytes: chunked('1 \r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size of 16 digits', bytes: chunked('0000000000000001\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size that overflows', bytes: chunked('10000000000000001\r\na\r\n'), status: 400 },
  { name: 'chunk larger than the limit', bytes: chunked('fffffffff\r\na'), status: 413 },
  { name: 'chunk size ends with LF', bytes: chunked('1\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk size ends with CR', bytes: chunked('1\ra\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk longer than its size', bytes: chunked('1\r\nab\r\n0\r\n\r\n'), status: 400 },
  { name: 'chunk ends with LF', bytes: chunked('1\r\na\n0\r\n\r\n'), status: 400 },
  { name: 'chunk without end', bytes: chunked('1\r\na0\r\n\r\n'), status: 400 },
  { name: 'LF in a chunk extension', bytes: chunked('1;a\nb\r\na\r\n0\r\n\r\n'), status: 400 },
  { name: 'NUL in a chunk extension', bytes: chunked('1;\0\r\na\r\n0\r\n\r\n'), status: 400 },
  {
    name: 'chunk extension of 257 bytes',
    bytes: chunked(`1;${'a'.repeat(257)}\r\na\r\n0\r\n\r\n`),
    status: 400,
  },
  { name: 'trailer without colon', bytes: chunked('0\r\nA\r\n\r\n'), status: 400 },
  { name: 'trailer with a folded line', bytes: chunked('0\r\nA: b\r\n c\r\n\r\n'), status: 400 },
  { name: 'trailer with LF', bytes: chunked('0\r\nA: b\n\r\n'), status: 400 },
  { name: 'trailers without end', bytes: chunked(`0\r\n${'A: b\r\n'.repeat(3000)}`), status: 431 },
  { name: 'last chunk ends with LF', bytes: chunked('0\r\n\n'), status: 400 },
  // Others.
  { name: 'unknown expectation', bytes: post('Expect: 200-ok\r\nContent-Length: 1\r\n', 'a'), status: 417 },
  {
    name: 'two expectations',
    bytes: post('Expect: 100-continue, x\r\nContent-Length: 1\r\n', 'a'),
    status: 417,
  },
  {
    name: 'garbage after a good request',
    bytes: `${get(host)}garbage\r\n\r\n`,
    before: [200],
    status: 400,
  },
  {
    name: 'body longer than its Content-Length',
    bytes: post('Content-Length: 1\r\n', 'abc\r\n\r\n'),
    before: [200],
    status: 400,
  },
];
