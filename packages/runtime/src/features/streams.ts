/**
 * Feature: bodies as streams, and streams as bodies.
 *
 * In: nothing. Out: registrations in http/body and net/connection. Imports these, streams, encoding.
 */
import { encodeUtf8 } from '../encoding/utf8.js';
import { parts, type StreamLike } from '../http/body.js';
import { streamParts } from '../net/connection.js';
import { bytesStream, pulledStream, ReadableStream, WritableStream } from '../streams/streams.js';

parts.isStream = (value: unknown): value is StreamLike => value instanceof ReadableStream;
parts.streamOf = (source) => {
  const stream =
    typeof source === 'string'
      ? bytesStream(encodeUtf8(source))
      : source instanceof Uint8Array
        ? bytesStream(source)
        : pulledStream(source);
  return stream as unknown as StreamLike;
};
parts.extractors.push((value) => {
  if (!(value instanceof ReadableStream)) return undefined;
  const stream = value as unknown as StreamLike;
  if (stream.locked || stream._disturbed)
    throw new TypeError('Response body object should not be disturbed or locked');
  return { source: stream, type: undefined };
});

// The package's classes are the globals here; their types differ from the platform's in small ways.
streamParts.readable = (connection) =>
  pulledStream({
    read: () => connection.read(),
    cancel: () => connection.close(),
  }) as unknown as globalThis.ReadableStream<Uint8Array>;
streamParts.writable = (connection) =>
  new WritableStream<string | Uint8Array>({
    write: (chunk) => connection.write(chunk),
    close: () => connection.end(),
    abort: () => connection.abort(),
  }) as unknown as globalThis.WritableStream<string | Uint8Array>;
