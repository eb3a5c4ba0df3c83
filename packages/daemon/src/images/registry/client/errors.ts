/**
 * What can go wrong with a registry, in the words Docker uses.
 *
 * In: HTTP answers, network errors. Out: RegistryError, and the DaemonError of a whole pull. May import: errors.
 */
import { STATUS_CODES } from 'node:http';
import { DaemonError, type ErrorKind, errnoOf } from '../../../errors.js';
import { parseChallenges } from '../authentication/challenge.js';

/**
 * `api`: the registry said so (a code of the OCI distribution spec). `transport`: no HTTP was spoken. `status`: an
 * answer outside 2xx to 4xx. `body`: an answer that cannot be read. `credentials`: we have none to offer.
 * `content`: what came is not what its digest says, or not what an image may hold.
 */
export type RegistryErrorKind = 'api' | 'transport' | 'status' | 'body' | 'credentials' | 'content';

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  constructor(
    readonly kind: RegistryErrorKind,
    message: string,
    /** `MANIFEST_UNKNOWN`, …: of `api` errors. */
    readonly code?: string,
    readonly status?: number,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

/** Codes of the distribution spec and Docker's, with the message used when the registry sent none. */
const defaultMessages: Readonly<Record<string, string>> = {
  UNKNOWN: 'unknown error',
  UNSUPPORTED: 'The operation is unsupported.',
  UNAUTHORIZED: 'authentication required',
  DENIED: 'requested access to the resource is denied',
  UNAVAILABLE: 'service unavailable',
  TOOMANYREQUESTS: 'too many requests',
  DIGEST_INVALID: 'provided digest did not match uploaded content',
  SIZE_INVALID: 'provided length did not match content length',
  NAME_INVALID: 'invalid repository name',
  TAG_INVALID: 'manifest tag did not match URI',
  NAME_UNKNOWN: 'repository name not known to registry',
  MANIFEST_UNKNOWN: 'manifest unknown',
  MANIFEST_INVALID: 'manifest invalid',
  MANIFEST_UNVERIFIED: 'manifest failed signature verification',
  MANIFEST_BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UNKNOWN: 'blob unknown to registry',
  BLOB_UPLOAD_UNKNOWN: 'blob upload unknown to registry',
  BLOB_UPLOAD_INVALID: 'blob upload invalid',
};

const apiError = (code: string, message: string, status: number): RegistryError => {
  const known = code in defaultMessages ? code : 'UNKNOWN';
  const text = message === '' ? defaultMessages[known]! : message;
  return new RegistryError('api', `${known.toLowerCase().replaceAll('_', ' ')}: ${text}`, known, status);
};

const codeOfStatus = (status: number): string =>
  ({ 401: 'UNAUTHORIZED', 403: 'DENIED', 429: 'TOOMANYREQUESTS' })[status] ?? 'UNKNOWN';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The `errors` of a distribution error document; undefined when it has none. */
function listedErrors(body: string, status: number): RegistryError[] | undefined {
  const document: unknown = JSON.parse(body);
  if (typeof document !== 'object' || document === null) return undefined;
  if ('details' in document && text(document.details) !== '')
    return [apiError(codeOfStatus(status), text(document.details), status)];
  const list: unknown = 'errors' in document ? document.errors : undefined;
  if (!Array.isArray(list) || list.length === 0) return undefined;
  return list.map((entry: unknown) => {
    const { code, message } = Object(entry) as { code?: unknown; message?: unknown };
    return apiError(text(code), text(message), status);
  });
}

/** The error an answer of 400 or above stands for (distribution's HandleErrorResponse). */
export function errorOfResponse(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
): RegistryError {
  if (status < 400 || status >= 500)
    return new RegistryError(
      'status',
      `received unexpected HTTP status: ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd(),
      undefined,
      status,
    );
  for (const challenge of parseChallenges(headers['www-authenticate'])) {
    const code = { invalid_token: 'UNAUTHORIZED', insufficient_scope: 'DENIED' }[
      challenge.parameters.error ?? ''
    ];
    if (challenge.scheme === 'bearer' && code !== undefined)
      return apiError(code, challenge.parameters.error_description ?? '', status);
  }
  const type = text(headers['content-type']).split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json' && type !== 'application/vnd.api+json')
    return apiError(codeOfStatus(status), body, status);
  try {
    const errors = listedErrors(body, status);
    if (errors !== undefined) return errors[0]!;
  } catch {
    // Not JSON: reported as such below.
  }
  if (status === 401) return apiError('UNAUTHORIZED', '', status);
  return new RegistryError(
    'body',
    `error parsing HTTP ${status} response body: no error details found in HTTP response body: ${JSON.stringify(body.slice(0, 1024))}`,
    undefined,
    status,
  );
}

interface NetworkCause {
  code?: string;
  address?: string;
  port?: number;
  hostname?: string;
  syscall?: string;
}

const certificateErrors: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'x509: certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'x509: certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'x509: certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'x509: certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'x509: certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'x509: certificate has expired or is not yet valid',
};

const dialErrors: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ENETUNREACH: 'connect: network is unreachable',
  EHOSTUNREACH: 'connect: no route to host',
  ETIMEDOUT: 'i/o timeout',
  UND_ERR_CONNECT_TIMEOUT: 'i/o timeout',
};

/** What Go's net/http says for the same failure: scripts and people search for these words. */
export function describeNetworkError(error: unknown, host: string, nameserver: string): string {
  const cause: NetworkCause & { message?: string } = Object(
    error instanceof AggregateError ? (error.errors[0] ?? error) : error,
  );
  const code = cause.code ?? '';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const name = cause.hostname ?? host;
    const reason = code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving';
    return `dial tcp: lookup ${name} on ${nameserver}: ${reason}`;
  }
  if (code in dialErrors) {
    const peer = cause.address === undefined ? host : joinHostPort(cause.address, cause.port);
    return `dial tcp ${peer}: ${dialErrors[code]}`;
  }
  if (code in certificateErrors) return `tls: failed to verify certificate: ${certificateErrors[code]}`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: certificate is not valid for ${host}`;
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_'))
    return /wrong version number|packet length too long|http request/i.test(cause.message ?? code)
      ? 'http: server gave HTTP response to HTTPS client'
      : `remote error: tls: handshake failure`;
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'read: connection reset by peer';
  if (code === 'UND_ERR_SOCKET') return 'EOF';
  if (code.endsWith('_TIMEOUT')) return 'net/http: timeout awaiting response headers';
  return cause.message ?? String(error);
}

const joinHostPort = (address: string, port: number | undefined): string =>
  `${address.includes(':') ? `[${address}]` : address}:${port ?? 0}`;

/** Go's url.Error: `Get "https://host/v2/": dial tcp …`. */
export const urlError = (
  kind: RegistryErrorKind,
  method: string,
  url: string,
  reason: string,
  cause?: unknown,
): RegistryError =>
  new RegistryError(
    kind,
    `${method[0]}${method.slice(1).toLowerCase()} "${url}": ${reason}`,
    cause instanceof RegistryError ? cause.code : undefined,
    cause instanceof RegistryError ? cause.status : undefined,
    { cause },
  );

/** Another attempt may succeed (moby's retryOnError). */
export function worthRetrying(error: unknown): boolean {
  if (errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT') return false;
  if (error instanceof DaemonError) return false;
  if (!(error instanceof RegistryError)) return true;
  if (error.kind === 'transport') return true;
  if (error.kind === 'status') return true;
  return false;
}

/** Another endpoint may succeed where this one failed (moby's continueOnError). */
export function worthAnotherEndpoint(error: unknown, mirror: boolean): boolean {
  if (!(error instanceof RegistryError)) return false;
  if (error.kind === 'api' || error.kind === 'content') return mirror;
  return true;
}

/** The error a pull ends with: Docker's texts and statuses (moby's translatePullError). */
export function pullError(error: unknown, familiarName: string, familiarReference: string): unknown {
  if (!(error instanceof RegistryError)) return error;
  const as = (kind: ErrorKind, message: string): DaemonError =>
    new DaemonError(kind, message, { cause: error });
  switch (error.kind === 'api' ? error.code : undefined) {
    case 'DENIED':
      return as(
        'notFound',
        `pull access denied for ${familiarName}, repository does not exist or may require 'docker login': ${error.message}`,
      );
    case 'MANIFEST_UNKNOWN':
      return as('notFound', `manifest for ${familiarReference} not found: ${error.message}`);
    case 'NAME_UNKNOWN':
      return as('notFound', `repository ${familiarName} not found: ${error.message}`);
    case 'UNAUTHORIZED':
      return as('unauthorized', error.message);
    default:
      return as(error.kind === 'content' ? 'invalid' : 'system', error.message);
  }
}
