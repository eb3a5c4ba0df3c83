/**
 * Requests that are unusual and right, and the content each brings; used over pipes here and over sockets by test/.
 *
 * In: nothing. Out: the table. May import: nothing. Sources: RFC 9110 §5.6.1.2 (empty list elements), §8.6, §10.1.1,
 * RFC 9112 §7.1, RFC 3986 §3.2.2, and the URL Standard for what browsers leave unencoded in targets.
 */

export interface UnusualRequest {
  name: string;
  /** Latin-1, one character a byte. */
  bytes: string;
  /** What the application reads. */
  content: string;
}

const host = 'Host: a\r\n';
const post = (lines: string, body: string): string =>
  `POST /length HTTP/1.1\r\n${host}Connection: close\r\n${lines}\r\n${body}`;
const chunked = (body: string): string => post('Transfer-Encoding: chunked\r\n', body);
const sent = (lines: string): string => post(`${lines}Content-Length: 3\r\n`, 'abc');
const hosted = (name: string): string =>
  `POST /length HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx`;
const aimed = (target: string): string =>
  `POST ${target} HTTP/1.1\r\n${host}Connection: close\r\nContent-Length: 1\r\n\r\nx`;

export const unusualRequests: UnusualRequest[] = [
  // Content-Length = 1*DIGIT.
  {
    name: 'Content-Length of 26 digits',
    bytes: post(`Content-Length: ${'3'.padStart(26, '0')}\r\n`, 'abc'),
    content: 'abc',
  },
  {
    name: 'Content-Length of many zeros',
    bytes: post(`Content-Length: ${'0'.repeat(1000)}\r\n`, ''),
    content: '',
  },
  {
    name: 'Content-Length between spaces',
    bytes: post('Content-Length: \t 3 \t\r\n', 'abc'),
    content: 'abc',
  },
  // Lists: empty elements are ignored.
  ...[', chunked', 'chunked ,', ',,chunked, ,', '\t,\tChunked\t,'].map((value) => ({
    name: `Transfer-Encoding: ${JSON.stringify(value)}`,
    bytes: post(`Transfer-Encoding: ${value}\r\n`, '3\r\nabc\r\n0\r\n\r\n'),
    content: 'abc',
  })),
  {
    name: 'chunked, and an empty line of the list',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: ,\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    content: 'abc',
  },
  ...[', 100-continue', '100-Continue ,', '100-continue, 100-continue', ''].map((value) => ({
    name: `Expect: ${JSON.stringify(value)}`,
    bytes: sent(`Expect: ${value}\r\n`),
    content: 'abc',
  })),
  {
    name: 'Connection with empty elements',
    bytes: sent('Connection: , ,\tkeep-alive,,\r\n'),
    content: 'abc',
  },
  { name: 'TE with empty elements', bytes: sent('TE: , trailers;q=0.5,\r\n'), content: 'abc' },
  // chunk-size = 1*HEXDIG, chunk-ext.
  {
    name: 'chunk sizes with leading zeros',
    bytes: chunked('000000000000000000003\r\nabc\r\n0000000000000000000000\r\n\r\n'),
    content: 'abc',
  },
  { name: 'chunk extension with a name', bytes: chunked('3;a\r\nabc\r\n0;b\r\n\r\n'), content: 'abc' },
  {
    name: 'chunk extensions with values',
    bytes: chunked('3;a=b;c="d \\" e;f"\r\nabc\r\n0\r\n\r\n'),
    content: 'abc',
  },
  {
    name: 'chunk extension with an empty quotation',
    bytes: chunked('3;a=""\r\nabc\r\n0\r\n\r\n'),
    content: 'abc',
  },
  {
    name: 'white space within chunk extensions',
    bytes: chunked('3; a = b ; c\t=\t"d" ;e\r\nabc\r\n0\r\n\r\n'),
    content: 'abc',
  },
  // Host = uri-host [ ":" port ].
  ...[
    '',
    ':',
    'a:',
    'a:00080',
    'a%2Db',
    "A_b-c.~!$&'()*+,;=",
    '192.0.2.1:80',
    '[::]',
    '[::1]:80',
    '[1:2:3:4:5:6:7:8]',
    '[1::8]',
    '[1:2:3:4:5:6:7::]',
    '[::ffff:192.0.2.1]',
    '[64:ff9b::192.0.2.1]',
  ].map((name) => ({ name: `Host: ${name}`, bytes: hosted(name), content: 'x' })),
  // Targets as browsers and curl send them.
  ...['/length?a=b%zz', '/length?q=[]{}|^`\\', '/length?/?', "/length?a='"].map((target) => ({
    name: `target ${target}`,
    bytes: aimed(target),
    content: 'x',
  })),
];
