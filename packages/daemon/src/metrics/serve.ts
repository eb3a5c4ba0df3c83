/**
 * `--metrics-addr`: GET /metrics on an address of its own.
 *
 * In: an address, the text. Out: a listening server. May import: config's error.
 */
import { createServer } from 'node:http';
import { ConfigError } from '../config/error.js';

/** Listens; resolves with how to stop. */
export function serveMetrics(address: string, text: () => string): Promise<() => void> {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]*)):(\d{1,5})$/.exec(address);
  if (match === null) throw new ConfigError(`error starting metrics server: ${address} is not ADDRESS:PORT`);
  const server = createServer((request, response) => {
    const known = request.method === 'GET' && request.url === '/metrics';
    response.writeHead(known ? 200 : 404, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(known ? text() : '404 page not found\n');
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(match[3]), match[1] ?? (match[2] || '0.0.0.0'), () => {
      // accept(2) fails without descriptors: that connection is lost.
      server.off('error', reject).on('error', () => {});
      resolve(() => {
        server.close();
        server.closeAllConnections();
      });
    });
  });
}
