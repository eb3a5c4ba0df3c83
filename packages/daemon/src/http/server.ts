/**
 * The HTTP server of the API: connections in, handlers called, errors as Docker sends them.
 *
 * In: routes, listeners. Out: replies. May import: the rest of http/, log.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { DaemonError } from '../errors.js';
import type { Logger } from '../log.js';
import { checkContentType, jsonLimitBytes, parseBody, readBody } from './body.js';
import { createCall } from './call.js';
import { sendError } from './errors.js';
import { readUpgradeBody } from './hijack.js';
import { currentApiVersion, type Route } from './route.js';
import { createRouter } from './router.js';
import { formatVersion, splitVersion } from './version.js';

export interface ApiServerOptions {
  routes: readonly Route[];
  log: Logger;
  experimental: boolean;
  /** Of the engine, for the Server header. */
  engineVersion: string;
  /** Told about each request that was answered without an error: `POST /containers/create`. */
  served?(route: string, seconds: number): void;
}

/** Go's DefaultMaxHeaderBytes: X-Registry-Config can be long. */
const headerLimitBytes = 2 ** 20;

export function createApiServer(options: ApiServerOptions): Server {
  const find = createRouter(options.routes);
  const { log } = options;
  const common: Readonly<Record<string, string>> = {
    'Api-Version': formatVersion(currentApiVersion),
    'Docker-Experimental': String(options.experimental),
    Ostype: 'linux',
    Server: `Docker/${options.engineVersion} (linux)`,
  };

  /** `upgradeHead`: bytes behind the header of a request that asked to upgrade; its body is among them. */
  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    upgradeHead: Buffer | undefined,
  ): Promise<void> {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    let decoded: string;
    try {
      decoded = decodeURIComponent(mark < 0 ? target : target.slice(0, mark));
    } catch {
      throw new DaemonError('invalid', 'invalid URL escape');
    }
    const { version, path } = splitVersion(decoded);
    const match = find(request.method ?? 'GET', path, version);
    if (match === undefined) throw new DaemonError('notFound', 'page not found');
    const { route, params } = match;
    log.debug({ route: `${route.method} ${route.path}`, path }, 'request');
    const upgradeBody =
      upgradeHead === undefined ? undefined : await readUpgradeBody(request, upgradeHead, jsonLimitBytes);
    let body: unknown;
    if (route.body !== undefined) {
      const bytes = upgradeBody ?? (await readBody(request));
      checkContentType(request.headers, bytes.length > 0);
      body = parseBody(bytes, route.body, route.bodyOptional === true);
    }
    const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
    const input = upgradeBody === undefined ? request : Readable.from([upgradeBody]);
    const startMs = performance.now();
    await route.handler(
      createCall({
        request,
        response,
        version,
        params,
        query,
        body,
        input,
        upgraded: upgradeHead !== undefined,
      }),
    );
    options.served?.(`${route.method} ${route.path}`, (performance.now() - startMs) / 1000);
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    upgradeHead?: Buffer,
  ): Promise<void> {
    for (const [name, value] of Object.entries(common)) response.setHeader(name, value);
    try {
      await answer(request, response, upgradeHead);
    } catch (error) {
      const fields = {
        method: request.method,
        path: request.url?.split('?', 1)[0],
        error: (error as Error).message,
      };
      // What the engine decided is the client's business; what it did not foresee is ours.
      if (error instanceof DaemonError && error.kind !== 'system') log.debug(fields, 'refused');
      else log.error({ ...fields, stack: (error as Error).stack }, 'failed');
      sendError(response, error);
    }
  }

  const server = createServer({ maxHeaderSize: headerLimitBytes }, (request, response) => {
    void serve(request, response);
  });
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    // The parser is gone: no second request on this connection.
    response.on('finish', () => socket.end());
    void serve(request, response, head);
  });
  // A client may end its side right after its request and still wait for the reply (`Call.signal` reports the end).
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  // Uploads take as long as they take, and clients (docker-py) keep connections for later.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  return server;
}
