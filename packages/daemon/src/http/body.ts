/**
 * Bodies of JSON requests: content type, bounded bytes, syntax, schema.
 *
 * In: headers, bytes. Out: a value that conforms, or DaemonError `invalid` in dockerd's words. May import: decode, errors.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { TSchema } from '@sinclair/typebox';
import { DaemonError } from '../errors.js';
import { decode } from './decode.js';

/** Far above any body of the API (a secret or config of a swarm is at most 1 MB). */
export const jsonLimitBytes = 4 * 2 ** 20;

const invalid = (message: string): DaemonError => new DaemonError('invalid', message);

/** dockerd's CheckForJSON (api/server/httputils). */
export function checkContentType(headers: IncomingHttpHeaders, hasBody: boolean): void {
  const type = headers['content-type'];
  if (type === undefined) {
    if (!hasBody) return;
    throw invalid('malformed Content-Type header (): mime: no media type');
  }
  const media = type.split(';', 1)[0]!.trim().toLowerCase();
  if (!/^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+$/.test(media) && !/^[\w!#$&^.+-]+$/.test(media))
    throw invalid(`malformed Content-Type header (${type}): mime: expected slash in first token`);
  if (media !== 'application/json')
    throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
}

/** The whole body, at most `limitBytes`. The stream is not destroyed: on its connection the error is still to be sent. */
export function readBody(input: Readable, limitBytes = jsonLimitBytes): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      chunks.push(chunk);
      if (length <= limitBytes) return;
      input.off('data', take).off('end', finish);
      // node:http discards the rest once the reply is sent.
      input.pause();
      reject(invalid('http: request body too large'));
    };
    const finish = (): void => resolve(Buffer.concat(chunks, length));
    input.on('data', take).on('end', finish).on('error', reject);
    input.on('close', () => reject(invalid('invalid JSON: unexpected EOF')));
  });
}

/** V8's complaints in the words of Go's encoding/json. */
function syntaxMessage(text: string, error: Error): string {
  if (/end of JSON input|Unterminated|Expected .* in JSON at position/.test(error.message)) {
    const position = Number(/position (\d+)/.exec(error.message)?.[1] ?? text.length);
    if (position >= text.length) return 'invalid JSON: unexpected EOF';
  }
  if (/after JSON/.test(error.message)) return 'unexpected content after JSON';
  const position = /position (\d+)/.exec(error.message)?.[1];
  const character =
    /token '?(.)'?/u.exec(error.message)?.[1] ?? (position === undefined ? '?' : text[Number(position)]);
  return `invalid JSON: invalid character '${character}' looking for beginning of value`;
}

/** Parses and decodes a body; an empty one is undefined, or dockerd's error when it must be there. */
export function parseBody(bytes: Buffer, schema: TSchema, optional: boolean): unknown {
  const text = bytes.toString('utf8');
  if (text.trim() === '') {
    if (optional) return undefined;
    throw invalid('invalid JSON: got EOF while reading request body');
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw invalid(syntaxMessage(text, error as Error));
  }
  return decode(schema, document);
}
