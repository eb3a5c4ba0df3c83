/**
 * HTTP towards one endpoint of a registry: pinged once, authorized per scope, redirected without leaking credentials.
 *
 * In: requests. Out: answers with a status below 400, or RegistryError. May import: undici, the files beside.
 */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { RegistryAuth } from '../../types.js';
import { type Authorizer, createAuthorizer, type TokenRequest } from '../authentication/auth.js';
import { tlsMaterial } from '../authentication/certificates.js';
import { parseChallenges } from '../authentication/challenge.js';
import { type Endpoint, leadsInside } from './endpoints.js';
import { describeNetworkError, errorOfResponse, RegistryError, urlError } from './errors.js';

export interface RegistryRequest {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the endpoint (`/v2/…`), or an absolute URL (an upload's Location). */
  url: string;
  headers?: Record<string, string>;
  body?: Uint8Array | Readable;
  /** `repository:name:pull`. */
  scopes?: readonly string[];
  signal?: AbortSignal | undefined;
  /** Statuses of 400 and above that are an answer, not an error. */
  accept?: readonly number[];
}

export interface RegistryResponse {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** To be read to its end or destroyed. */
  body: Readable;
  /** After redirects. */
  url: string;
}

export interface Connection {
  readonly endpoint: Endpoint;
  readonly identityToken: string | undefined;
  request(request: RegistryRequest): Promise<RegistryResponse>;
  /** Keeps it usable after `close` until the returned function is called: a transfer outlives who began it. */
  retain(): () => void;
  close(): Promise<void>;
}

export interface ConnectOptions {
  auth?: RegistryAuth | undefined;
  signal?: AbortSignal | undefined;
  /** Ask for a refresh token (login). */
  offline?: boolean;
  certificateDirectories?: readonly string[] | undefined;
}

/** dockerd's dialer and transport (distribution/registry.go). */
const connectTimeoutMs = 30_000;
/** A registry that sends nothing for so long is taken for dead; what came is kept and the rest asked for again. */
const silenceTimeoutMs = 60_000;
/** Error pages, token answers, tag lists. */
const documentLimitBytes = 4 * 2 ** 20;
const redirectLimit = 10;
const userAgent = 'noos/0.1.0';

let nameserver: string | undefined;

/** The first resolver of the host, as Go names it in look-up errors. */
function hostNameserver(): string {
  if (nameserver !== undefined) return nameserver;
  try {
    const address = /^\s*nameserver\s+(\S+)/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))?.[1];
    nameserver = `${address ?? '127.0.0.1'}:53`;
  } catch {
    nameserver = '127.0.0.1:53';
  }
  return nameserver;
}

/** What a failed exchange is called (Go's url.Error). */
export const transportError = (method: string, url: string, error: unknown): RegistryError =>
  urlError('transport', method, url, describeNetworkError(error, new URL(url).host, hostNameserver()), error);

async function createDispatcher(endpoint: Endpoint, options: ConnectOptions): Promise<Dispatcher> {
  const { Agent, EnvHttpProxyAgent } = await import('undici');
  const secure = endpoint.url.startsWith('https:');
  const tls = {
    rejectUnauthorized: !endpoint.insecure,
    ...(secure && (await tlsMaterial(new URL(endpoint.url).host, options.certificateDirectories))),
  };
  const settings = {
    connect: { ...tls, timeout: connectTimeoutMs },
    headersTimeout: silenceTimeoutMs,
    bodyTimeout: silenceTimeoutMs,
  };
  const { env } = process;
  const proxied = [env.http_proxy, env.HTTP_PROXY, env.https_proxy, env.HTTPS_PROXY].some((value) => value);
  return proxied ? new EnvHttpProxyAgent({ ...settings, requestTls: tls }) : new Agent(settings);
}

/** The whole body when it is at most `limitBytes`. */
export async function readBody(body: Readable, limitBytes = documentLimitBytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limitBytes)
        throw new RegistryError('content', `the registry's answer is larger than ${limitBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    body.destroy();
    if (cause instanceof RegistryError || (cause instanceof Error && cause.name === 'AbortError'))
      throw cause;
    throw new RegistryError('transport', 'unexpected EOF', undefined, undefined, { cause });
  }
  return Buffer.concat(chunks, length);
}

const headerOf = (response: { headers: RegistryResponse['headers'] }, name: string): string | undefined => {
  const value = response.headers[name];
  return typeof value === 'string' ? value : value?.[0];
};

/** Pings the endpoint for its challenges. Throws RegistryError `transport` when no HTTP is spoken there. */
export async function connect(endpoint: Endpoint, options: ConnectOptions = {}): Promise<Connection> {
  const { request: send } = await import('undici');
  const dispatcher = await createDispatcher(endpoint, options);

  /** One exchange, without redirects and authorization. */
  const exchange = async (url: string, request: RegistryRequest): Promise<RegistryResponse> => {
    const signal = request.signal ?? options.signal;
    if (leadsInside(endpoint.url, url))
      throw urlError(
        'body',
        request.method,
        url,
        'refused: the registry leads to an address inside of this host',
      );
    try {
      const { statusCode, headers, body } = await send(url, {
        dispatcher,
        method: request.method,
        headers: { 'user-agent': userAgent, ...request.headers },
        ...(request.body !== undefined && { body: request.body }),
        ...(signal !== undefined && { signal }),
      });
      // A body that is dropped unread may still fail: without a listener that would end the daemon.
      body.on('error', () => {});
      return { status: statusCode, headers, body, url };
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw transportError(request.method, url, error);
    }
  };

  const fetchToken = async (request: TokenRequest): Promise<unknown> => {
    if (endpoint.url.startsWith('https:') && !endpoint.insecure && !request.url.startsWith('https:'))
      throw new RegistryError('credentials', 'refusing to fetch a token over plain http');
    const response = await exchange(request.url, {
      method: request.method,
      url: request.url,
      headers: request.headers,
      ...(request.body !== undefined && { body: Buffer.from(request.body) }),
    });
    const body = (await readBody(response.body)).toString();
    if (response.status < 200 || response.status >= 300)
      throw errorOfResponse(response.status, response.headers, body);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw new RegistryError('body', 'unable to decode token response', undefined, response.status, {
        cause,
      });
    }
  };

  let authorizer: Authorizer | undefined;

  const authorized = async (request: RegistryRequest): Promise<RegistryResponse> => {
    const scopes = request.scopes ?? [];
    const start = request.url.startsWith('/') ? endpoint.url + request.url : request.url;
    let url = start;
    let mayRenew = !(request.body !== undefined && 'pipe' in request.body);
    for (let redirects = 0; ; redirects++) {
      const headers = { ...request.headers };
      // Credentials are for the registry alone: a redirect to a storage service goes without.
      const own = new URL(url).origin === new URL(endpoint.url).origin;
      if (own) {
        const value = await authorizer!.header(scopes).catch((error: unknown) => {
          throw error instanceof RegistryError && error.kind !== 'transport'
            ? urlError(error.kind, request.method, start, error.message, error)
            : error;
        });
        if (value !== undefined) headers.authorization = value;
      }
      const response = await exchange(url, { ...request, headers });
      if (response.status === 401 && own && mayRenew) {
        mayRenew = false;
        authorizer!.invalidate(scopes);
        response.body.resume();
        continue;
      }
      const location = headerOf(response, 'location');
      const redirected = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!redirected || (request.method !== 'GET' && request.method !== 'HEAD')) return response;
      response.body.resume();
      if (redirects >= redirectLimit)
        throw urlError('body', request.method, start, `stopped after ${redirectLimit} redirects`);
      if (!URL.canParse(location, url))
        throw urlError(
          'body',
          request.method,
          start,
          `failed to parse Location header ${JSON.stringify(location)}`,
        );
      const next = new URL(location, url);
      if (url.startsWith('https:') && next.protocol !== 'https:' && !endpoint.insecure)
        throw urlError('body', request.method, start, 'redirected from https to http');
      url = next.href;
    }
  };

  let users = 1;
  const release = async (): Promise<void> => {
    if (--users === 0) await dispatcher.destroy();
  };
  try {
    const ping = await exchange(`${endpoint.url}/v2/`, { method: 'GET', url: '/v2/' });
    ping.body.resume();
    const challenges = ping.status === 401 ? parseChallenges(ping.headers['www-authenticate']) : [];
    authorizer = createAuthorizer(challenges, options.auth, fetchToken, options.offline ?? false);
  } catch (error) {
    await release();
    throw error;
  }

  return {
    endpoint,
    get identityToken() {
      return authorizer?.identityToken;
    },
    retain() {
      users++;
      return () => void release();
    },
    close: release,
    async request(request) {
      const response = await authorized(request);
      if (response.status < 400 || request.accept?.includes(response.status)) return response;
      const body = request.method === 'HEAD' ? '' : (await readBody(response.body)).toString();
      throw errorOfResponse(response.status, response.headers, body);
    },
  };
}
