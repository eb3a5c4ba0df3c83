/** Cases for Headers, Request and Response. In: globals. Out: a table. Imports case. */
import { type Cases, outcome } from './case.js';

function responseFields(response: Response): unknown[] {
  const { status, statusText, ok, type, url, redirected, bodyUsed } = response;
  return [status, statusText, ok, type, url, redirected, bodyUsed, [...response.headers]];
}

function requestFields(request: Request): unknown[] {
  const { method, url, redirect, bodyUsed } = request;
  return [method, url, redirect, bodyUsed, [...request.headers]];
}

export const cases: Cases = {
  headersRecord: () => [...new Headers({ 'X-B': '2', 'x-a': ' 1\t', Accept: 'x' })],
  headersPairs: () => [
    ...new Headers([
      ['a', '1'],
      ['A', '2'],
      ['set-cookie', 'x=1'],
      ['Set-Cookie', 'y=2'],
    ]),
  ],
  headersCopy: () => {
    const first = new Headers({ a: '1' });
    const second = new Headers(first);
    second.set('a', '2');
    return [first.get('a'), second.get('A')];
  },
  headersChange: () => {
    const headers = new Headers();
    headers.append('b', '1');
    headers.append('B', '2');
    headers.set('c', '3');
    headers.set('b', '4');
    headers.append('a', '');
    headers.delete('C');
    return [[...headers], headers.has('b'), headers.has('c'), headers.get('zz'), headers.get('a')];
  },
  headersCookies: () => {
    const headers = new Headers();
    headers.append('Set-Cookie', 'a=1, b');
    headers.append('Set-Cookie', 'c=2');
    return [headers.getSetCookie(), headers.get('set-cookie'), [...headers.keys()], [...headers.values()]];
  },
  headersForEach: () => {
    const seen: unknown[] = [];
    new Headers({ b: '1', a: '2' }).forEach((value, name) => {
      seen.push([name, value]);
    });
    return seen;
  },
  headersBad: () =>
    Promise.all(
      [
        () => new Headers({ 'a b': 'x' }),
        () => new Headers({ '': 'x' }),
        () => new Headers({ a: 'x\ny' }),
        () => new Headers({ a: 'x\0y' }),
        () => new Headers({ a: '\u0100' }),
        () => new Headers([['a']] as never),
        () => new Headers([['a', 'b', 'c']] as never),
        () => new Headers(1 as never),
        () => new Headers('ab' as never),
        () => new Headers(null as never),
        () => new Headers(undefined),
        () => new Headers().get('ä'),
        () => new Headers().set('a', 'é'),
        () => new Headers({ a: ' x\r\n' }).get('a'),
        () => new Headers({ a: 'x', b: 1 as never }).get('b'),
      ].map((body) => outcome(() => String(body()))),
    ),
  responseDefaults: () => responseFields(new Response()),
  responseText: async () => {
    const response = new Response('hällo \ud800');
    return [responseFields(response), await response.text(), responseFields(response)];
  },
  responseInit: () => [
    responseFields(new Response('x', { status: 201, statusText: 'Made', headers: { 'X-A': 'b' } })),
    responseFields(new Response('x', { headers: { 'content-type': 'text/html', a: '1' } })),
    responseFields(new Response('x', { headers: [['Content-Type', 'a/b']] })),
    responseFields(new Response('x', { headers: new Headers({ q: '1' }) })),
    responseFields(new Response(null, { status: 204 })),
    responseFields(new Response(new URLSearchParams({ a: 'b' }))),
    responseFields(new Response(new Uint8Array([1]))),
    responseFields(new Response(new Blob(['x'], { type: 'Text/X' }))),
    responseFields(new Response(12 as never)),
  ],
  responseBad: () =>
    Promise.all(
      [
        () => new Response('x', { status: 204 }),
        () => new Response('x', { status: 199 }),
        () => new Response('x', { status: 600 }),
        () => new Response('x', { statusText: 'a\nb' }),
        () => new Response('x', { headers: { 'bad name': 'x' } }),
        () => Response.json(undefined),
        () => Response.json(1n),
        () => Response.json({}, { status: 204 }),
        () => Response.redirect('http://a/', 200 as never),
        () => Response.redirect('::', 302),
      ].map((body) => outcome(() => String(body()))),
    ),
  responseJson: async () => {
    const response = Response.json({ a: [1, 'ö'] }, { status: 202, headers: { x: 'y' } });
    return [responseFields(response), await response.clone().json(), await response.text()];
  },
  responseRedirect: () => [
    responseFields(Response.redirect('http://a/b c', undefined as never)),
    responseFields(Response.redirect('https://x', 307)),
  ],
  responseError: async () => [
    responseFields(Response.error()),
    await outcome(() => Response.error().headers.set('a', 'b')),
    await outcome(() => Response.redirect('http://a', 301).headers.append('a', 'b')),
  ],
  responseMutableHeaders: async () => {
    const response = new Response('x', { headers: { a: '1' } });
    response.headers.set('a', '2');
    response.headers.append('b', '3');
    return responseFields(response);
  },
  bodyTwice: async () => {
    const response = new Response('x');
    await response.text();
    return [
      await outcome(() => response.text()),
      await outcome(() => response.clone()),
      await outcome(() => new Response(null).text()),
      await outcome(async () => {
        const empty = new Response(null);
        await empty.text();
        return empty.text();
      }),
    ];
  },
  bodyKinds: async () => {
    const bytes = new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff, 0xc3, 0xa4]);
    const blob = await new Response(bytes, { headers: { 'content-type': 'a/b' } }).blob();
    return [
      await new Response(bytes).text(),
      [...new Uint8Array(await new Response(bytes).arrayBuffer())],
      [...new Uint8Array(await new Response(bytes.subarray(3, 4)).arrayBuffer())],
      [blob.type, blob.size],
      await outcome(() => new Response('{').json()),
      await outcome(() => new Response('').json()),
      await new Response('[1]').json(),
    ];
  },
  bodyStream: async () => {
    const response = new Response('stream me');
    const before = [
      response.body instanceof ReadableStream,
      Object.is(response.body, response.body),
      response.bodyUsed,
    ];
    const chunks: number[] = [];
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) chunks.push(...chunk);
    return [before, chunks, response.bodyUsed, await outcome(() => response.text()), new Response().body];
  },
  bodyFromStream: async () => {
    const make = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('one '));
          controller.enqueue(new TextEncoder().encode('two'));
          controller.close();
        },
      });
    const response = new Response(make());
    const copy = response.clone();
    const bad = new ReadableStream({
      start(controller) {
        controller.enqueue('text');
        controller.close();
      },
    });
    return [
      await response.text(),
      await copy.text(),
      [...response.headers],
      await outcome(() => new Response(bad).text()),
      await outcome(() => {
        const locked = make();
        locked.getReader();
        return String(new Response(locked));
      }),
    ];
  },
  bodyLocked: async () => {
    const response = new Response('x');
    response.body!.getReader();
    return [response.bodyUsed, await outcome(() => response.text()), await outcome(() => response.clone())];
  },
  request: () => [
    requestFields(new Request('http://a/b#c')),
    requestFields(new Request('http://a', { method: 'post', body: 'x', headers: { b: '1' } })),
    requestFields(new Request('http://a', { method: 'patch', body: new URLSearchParams('a=b') })),
    requestFields(new Request('http://a', { method: 'PUT', body: new Blob(['x'], { type: 'm/n' }) })),
    requestFields(new Request(new URL('http://u/ v'), { redirect: 'manual' })),
  ],
  requestCopy: async () => {
    const first = new Request('http://a', { method: 'POST', body: 'x', headers: { h: '1' } });
    const second = new Request(first, { headers: { g: '2' } });
    return [requestFields(second), await second.text(), first.bodyUsed, await outcome(() => first.text())];
  },
  requestClone: async () => {
    const request = new Request('http://a', { method: 'POST', body: 'x' });
    const copy = request.clone();
    return [await request.text(), await copy.text(), requestFields(copy)];
  },
  requestBad: () =>
    Promise.all(
      [
        () => new Request('/relative'),
        () => new Request('http://u:p@a/'),
        () => new Request('http://a', { method: 'CONNECT' }),
        () => new Request('http://a', { method: 'a b' }),
        () => new Request('http://a', { body: 'x' }),
        () => new Request('http://a', { redirect: 'sideways' as never }),
        () => new Request('http://a', { signal: {} as never }),
        () => new (Request as unknown as new (...values: unknown[]) => Request)(),
        () => new Request('http://a', { method: 'POST', body: new ReadableStream() } as never),
      ].map((body) => outcome(() => String(body()))),
    ),
  requestSignal: () => {
    const controller = new AbortController();
    const request = new Request('http://a', { signal: controller.signal });
    const before = request.signal.aborted;
    controller.abort(new RangeError('r'));
    return [
      before,
      request.signal.aborted,
      (request.signal.reason as Error).name,
      new Request('http://b').signal.aborted,
    ];
  },
  names: () => [
    Object.prototype.toString.call(new Headers()),
    Object.prototype.toString.call(new Response()),
    Object.prototype.toString.call(new Request('http://a')),
    Object.prototype.toString.call(new URL('http://a')),
    Object.prototype.toString.call(new URLSearchParams()),
    Object.prototype.toString.call(new FormData()),
    Object.prototype.toString.call(new Blob([])),
    Object.prototype.toString.call(new AbortController().signal),
  ],
};
