/** The service that test/http.test.ts talks to: one path for each property. */
const kilobyte = 'x'.repeat(1000);

function stream(count: number): ReadableStream<Uint8Array> {
  const piece = new TextEncoder().encode(kilobyte);
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent++ < count) controller.enqueue(piece);
      else controller.close();
    },
  });
}

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const number = (name: string) => Number(url.searchParams.get(name));
    switch (url.pathname) {
      case '/echo':
        return new Response(request.body, { headers: { 'x-method': request.method } });
      case '/count': {
        let count = 0;
        for await (const piece of request.body ?? []) count += piece.byteLength;
        return new Response(String(count));
      }
      case '/length':
        return new Response(String((await request.arrayBuffer()).byteLength));
      case '/headers':
        return Response.json([...request.headers]);
      case '/large':
        return new Response(kilobyte.repeat(number('kilobytes')));
      case '/stream':
        return new Response(stream(number('kilobytes')));
      case '/slow':
        await new Promise((resolve) => setTimeout(resolve, number('ms')));
        return new Response('late');
      case '/throw':
        throw new Error('thrown on purpose');
      case '/split':
        return new Response('', { headers: { 'x-value': url.searchParams.get('value') ?? '' } });
      case '/fetch': {
        const response = await fetch(url.searchParams.get('url') ?? '', {
          method: request.method,
          ...(request.method === 'POST' ? { body: await request.arrayBuffer() } : {}),
        });
        return new Response(response.body, {
          status: response.status,
          headers: { 'x-from': response.headers.get('x-from') ?? '' },
        });
      }
      default:
        if (request.method !== 'GET' && request.method !== 'HEAD') await request.arrayBuffer();
        return new Response(`${request.method} ${url.pathname}${url.search}`);
    }
  },
};
