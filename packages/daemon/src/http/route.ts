/**
 * What a route is: method, path pattern, versions, a schema for the body, a handler.
 *
 * In: requests as the server parsed them. Out: replies. May import: api-version, filters, progress.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { TSchema } from '@sinclair/typebox';
import type { ApiVersion } from '../protocol/api-version.js';
import type { Filters } from '../protocol/filters.js';
import type { ProgressStream } from '../protocol/progress.js';

export { type ApiVersion, currentApiVersion, minimumApiVersion } from '../protocol/api-version.js';
export type { Filters } from '../protocol/filters.js';
export type { ProgressMessage, ProgressStream } from '../protocol/progress.js';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

export interface Route {
  method: Method;
  /** `/containers/:id/json`; `*name` takes slashes too: `/images/*name/json`. */
  path: string;
  /** First version that has the route. */
  since?: ApiVersion;
  /** Schema of a JSON body; the handler's `call.body` conforms. Without one the body is the handler's stream. */
  body?: TSchema;
  /** A JSON body may be absent; `call.body` is then undefined. */
  bodyOptional?: boolean;
  handler(call: Call): Promise<void>;
}

export interface Call {
  readonly version: ApiVersion;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  /** The request's bytes when the route has no schema (tar archives). */
  readonly input: Readable;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** Docker's booleans: absent, "", 0, no, false, none are false; everything else is true. */
  flag(name: string, absent?: boolean): boolean;
  /** An integer of the query; DaemonError `invalid` when it is none. */
  integer(name: string): number | undefined;
  filters(): Filters;
  json(status: number, value: unknown): void;
  /** A reply without a body: 200, 201, 204, 304. */
  empty(status: number): void;
  /** Starts a streamed reply and returns it; errors afterwards go through `errorDetail` messages. */
  stream(status: number, contentType: string): ServerResponse;
  /** Progress messages, one JSON object a line (`{status, id, progressDetail}` …). */
  progress(): ProgressStream;
  /**
   * Takes the connection over: 101 UPGRADED when the client asked for it, else 200 with a raw stream.
   * `contentType` is `application/vnd.docker.raw-stream` or `application/vnd.docker.multiplexed-stream` (≥ 1.42).
   */
  hijack(contentType: string): Promise<Duplex>;
}
