/**
 * What the end-to-end tests ask for: one route per property.
 *
 * In: requests, TCP and UDP on port 7. Out: answers. May import: noos:* modules.
 */
import { resolve } from 'noos:dns';
import { listen, udpBind } from 'noos:net';
import { exit, onStop } from 'noos:process';

interface Environment {
  GREETING: string;
  LIMIT: number;
}

const builtAt = new Date().toISOString();
let evaluations = 0;
evaluations++;

/** Bytes of a pattern that shows a lost or doubled piece. */
const pattern = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, index) => (index * 7) >> 3);

function streamOf(pieces: number, pieceBytes: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent++ === pieces) controller.close();
      else controller.enqueue(pattern(pieceBytes));
    },
  });
}

async function sumOf(request: Request): Promise<{ bytes: number; sum: number }> {
  let [bytes, sum] = [0, 0];
  const reader = request.body?.getReader();
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
    bytes += read.value.length;
    for (const byte of read.value) sum = (sum + byte) >>> 0;
  }
  return { bytes, sum };
}

function explode(): never {
  throw new TypeError('exploded as asked');
}

const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

async function route(request: Request, env: Environment): Promise<Response> {
  const url = new URL(request.url);
  const number = Number(url.searchParams.get('n') ?? 0);
  switch (url.pathname) {
    case '/':
      return new Response('service\n');
    case '/env':
      return Response.json({ ...env, frozen: Object.isFrozen(env) });
    case '/echo':
      return new Response(request.body, { headers: { 'x-method': request.method } });
    case '/sum':
      return Response.json(await sumOf(request));
    case '/pattern':
      return new Response(pattern(number));
    case '/stream':
      return new Response(streamOf(number, 1000));
    case '/throw':
      return explode();
    case '/reject':
      void Promise.reject(new Error('nobody handles this'));
      return new Response('rejected\n');
    case '/slow':
      await sleep(number);
      return new Response('slow but sure\n');
    case '/random':
      return Response.json([
        Math.random(),
        crypto.randomUUID(),
        [...crypto.getRandomValues(new Uint8Array(16))],
      ]);
    case '/time':
      return Response.json({ now: Date.now(), builtAt, evaluations });
    case '/fetch': {
      const response = await fetch(url.searchParams.get('url') ?? '');
      return new Response(`${response.status} ${await response.text()}`);
    }
    case '/resolve':
      try {
        return Response.json((await resolve(url.searchParams.get('name') ?? '')).addresses);
      } catch (error) {
        return Response.json((error as { code?: string }).code);
      }
    case '/exit':
      exit(number);
      return new Response('leaving\n');
    default:
      return new Response('no such route\n', { status: 404 });
  }
}

onStop(() => console.log('stopped in order'));

export default {
  start(): void {
    listen({ port: 7 }, async (connection) => {
      for (let bytes = await connection.read(); bytes !== undefined; bytes = await connection.read())
        await connection.write(bytes);
      connection.end();
    });
    udpBind({ port: 7 }, ({ data, address, port }, socket) => socket.send(data, address, port));
  },
  fetch: route,
};
