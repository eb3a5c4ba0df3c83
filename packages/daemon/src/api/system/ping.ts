/**
 * `_ping`: is the engine there, and what does it speak.
 *
 * In: GET, HEAD. Out: headers, `OK`. May import: http.
 */
import type { Call, Route } from '../../http/route.js';

async function ping(call: Call): Promise<void> {
  const { response } = call;
  response.setHeader('Cache-Control', 'no-cache, no-store, must-revalidate');
  response.setHeader('Pragma', 'no-cache');
  // 1: the classic builder; 2 would announce BuildKit.
  response.setHeader('Builder-Version', '1');
  response.setHeader('Swarm', 'inactive');
  const isHead = call.request.method === 'HEAD';
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.setHeader('Content-Length', isHead ? 0 : 2);
  response.end(isHead ? undefined : 'OK');
}

export const pingRoutes = (): Route[] =>
  (['GET', 'HEAD'] as const).map((method) => ({ method, path: '/_ping', handler: ping }));
