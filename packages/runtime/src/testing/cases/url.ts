/** Cases for URL and URLSearchParams. In: globals. Out: a table. Imports case. */
import { type Cases, outcome } from './case.js';

const parsed = [
  'http://localhost:8080/todos?x=1&y=2#top',
  'http://example.com',
  'HTTP://EXAMPLE.com:80/a/../b/./c?q#h',
  'https://user:pa%20ss@example.com:443/',
  'http://example.com:8080',
  'http://example.com/a b?c d#e f',
  'http://example.com/%7Efoo/%2e%2e/x',
  'http://example.com/..',
  'http://example.com/a/%2E/b',
  'http://127.0.0.1:3000/x',
  'http://127.1/',
  'http://0x7f000001/',
  'http://1.2.3.4.5/',
  'http://256.1.1.1/',
  'http://01.2.3.4/',
  'http://[::1]:8080/a',
  'http://[1:2::3]/',
  'http://[bad]/',
  'http://münchen.de/ä?ö#ü',
  'http://xn--mnchen-3ya.de/',
  'http://faß.de/',
  'http://ΒΌΛΟΣ.com/',
  'http://日本語。jp/',
  'http://xn--a/',
  'http://a_b.example/',
  'http://exa%6Dple.com/',
  'http://ex ample.com/',
  'http://a%00b/',
  'http:example.com',
  'http:/example.com',
  'http:\\\\example.com\\a\\b',
  'http://example.com?q',
  'http://example.com/?',
  'http://example.com/#',
  "http://example.com/?a='b'\"<>`{}|^\\",
  'http://example.com/"<>`{}|\'',
  'http://example.com/#"<>`{}|^\'',
  'http://example.com:0/',
  'http://example.com:65535/',
  'http://example.com:65536/',
  'http://example.com:080/',
  'http://example.com:/',
  'http://-a.com/',
  'http://a..b/',
  'http://a.b./x',
  'mailto:x@example.com',
  'data:text/plain,hello world',
  'file:///C|/a/../b',
  'file://host/a',
  'ftp://example.com/a;b',
  'blob:http://example.com/x',
  'javascript:alert(1)',
  'noos:net',
  'about:blank',
  '  http://example.com/\t\n ',
  'http://ex\tample.com/a\nb',
  '//example.com',
  '/path',
  '',
  'http://',
  'http://user@/x',
  'http://example.com/\u{1f600}?\ud800',
  'ws://example.com:80/chat',
  'wss://example.com:444',
  'http://1e2.com/',
  'http://1.2.3.com/',
  'http://foo.0x10/',
  'http://foo.1/',
  'http://x/a//b',
  'http://x/.hidden',
  'http://x/a.b/..c/...',
];

const relative: [string, string][] = [
  ['/a', 'http://h/x/y?z#w'],
  ['a', 'http://h/x/y?z#w'],
  ['../a', 'http://h/x/y/z'],
  ['?q', 'http://h/x/y?z#w'],
  ['#f', 'http://h/x/y?z#w'],
  ['', 'http://h/x/y?z#w'],
  ['//other/p', 'http://h/x'],
  ['http:p', 'http://h/x/y'],
  ['/a b', 'http://h:8080/'],
  ['/./a/..', 'http://h:8080/'],
  ['/a?b#c', 'http://h:8080/'],
  ['a', 'mailto:x'],
  ['#a', 'mailto:x'],
  ['a', 'not a url'],
  ['/a', 'http://user:pw@h/'],
];

function fields(url: URL): unknown[] {
  const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = url;
  return [href, origin, protocol, username, password, host, hostname, port, pathname, search, hash];
}

const setters: [string, keyof URL, string][] = [
  ['http://a/b?c#d', 'href', 'https://x:1/y'],
  ['http://a/b?c#d', 'href', 'nonsense'],
  ['http://a/b?c#d', 'protocol', 'https'],
  ['http://a:443/b', 'protocol', 'https:'],
  ['http://a/b', 'protocol', 'mailto'],
  ['http://a/b', 'username', 'me@x'],
  ['http://a/b', 'password', 'p:w'],
  ['http://a/b', 'host', 'c:99'],
  ['http://a:1/b', 'hostname', 'c:99'],
  ['http://a/b', 'hostname', ''],
  ['http://a/b', 'port', '8080'],
  ['http://a:8080/b', 'port', ''],
  ['http://a:8080/b', 'port', '80'],
  ['http://a/b', 'port', '70000'],
  ['http://a/b', 'port', '12x'],
  ['http://a/b', 'pathname', 'x y/../z'],
  ['http://a/b', 'search', 'q=1 2'],
  ['http://a/b?x', 'search', ''],
  ['http://a/b', 'hash', 'h h'],
  ['http://a/b#x', 'hash', ''],
  ['mailto:x', 'pathname', 'y'],
  ['mailto:x', 'host', 'y'],
];

const queries = [
  '',
  '?a=1&b=2',
  'a=1&a=2&a',
  '=x&&y=',
  'a=%41%zz%',
  'a=%F0%9F%98%80&b=%ff',
  'a+b=c+d%2B',
  'ä=ö',
  'a=b=c',
  '%EF%BB%BFx=%EF%BB%BF',
];

export const cases: Cases = {
  parse: () => Promise.all(parsed.map((text) => outcome(() => fields(new URL(text))))),
  relative: () => Promise.all(relative.map(([text, base]) => outcome(() => fields(new URL(text, base))))),
  setters: () =>
    Promise.all(
      setters.map(([text, name, value]) =>
        outcome(() => {
          const url = new URL(text);
          (url as unknown as Record<string, string>)[name] = value;
          return fields(url);
        }),
      ),
    ),
  caretInPath: () => new URL('http://example.com/^').href,
  canParse: () => [URL.canParse('x:'), URL.canParse('x'), URL.canParse('x', 'http://h')],
  json: () => JSON.stringify({ url: new URL('http://a/ b') }),
  params: () =>
    queries.map((text) => {
      const params = new URLSearchParams(text);
      return [[...params], params.toString(), params.size];
    }),
  paramsInit: () => [
    new URLSearchParams({ a: '1', b: 'x y' }).toString(),
    new URLSearchParams([
      ['a', '1'],
      ['a', '2'],
    ]).toString(),
    new URLSearchParams(new URLSearchParams('q=1')).toString(),
    new URLSearchParams(new Map([['m', 'n']])).toString(),
  ],
  paramsBad: () => outcome(() => new URLSearchParams([['a']] as never)),
  paramsChange: () => {
    const params = new URLSearchParams('b=1&a=2&b=3&c=4');
    params.append('d', "!~'()*-._ é");
    params.set('b', '9');
    params.delete('c');
    params.sort();
    return [
      params.toString(),
      params.get('b'),
      params.get('zz'),
      params.getAll('a'),
      params.has('a', '2'),
      params.has('a', '3'),
      [...params.keys()],
      [...params.values()],
    ];
  },
  linked: () => {
    const url = new URL('http://a/?x=1&y=a%20b');
    const { searchParams } = url;
    searchParams.append('z', 'ä');
    const first = url.href;
    url.search = '?n=2';
    const second = searchParams.toString();
    searchParams.delete('n');
    const third = url.href;
    url.href = 'http://b/?k=v';
    return [first, second, third, searchParams.get('k')];
  },
};
