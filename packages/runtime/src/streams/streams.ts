/**
 * Streams (Streams Standard), from `web-streams-polyfill`, and bodies as streams.
 *
 * In: the package's classes. Out: the globals; streams over sources of bytes. Imports `web-streams-polyfill`.
 */
import * as polyfill from 'web-streams-polyfill';
import type { IncomingBody } from '../http/body.js';

export const ByteLengthQueuingStrategy = polyfill.ByteLengthQueuingStrategy;
export const CountQueuingStrategy = polyfill.CountQueuingStrategy;
export const ReadableByteStreamController = polyfill.ReadableByteStreamController;
export const ReadableStream = polyfill.ReadableStream;
export const ReadableStreamBYOBReader = polyfill.ReadableStreamBYOBReader;
export const ReadableStreamBYOBRequest = polyfill.ReadableStreamBYOBRequest;
export const ReadableStreamDefaultController = polyfill.ReadableStreamDefaultController;
export const ReadableStreamDefaultReader = polyfill.ReadableStreamDefaultReader;
export const TransformStream = polyfill.TransformStream;
export const TransformStreamDefaultController = polyfill.TransformStreamDefaultController;
export const WritableStream = polyfill.WritableStream;
export const WritableStreamDefaultController = polyfill.WritableStreamDefaultController;
export const WritableStreamDefaultWriter = polyfill.WritableStreamDefaultWriter;

/** A stream of one chunk. */
export function bytesStream(bytes: Uint8Array): polyfill.ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    type: 'bytes',
    pull(controller) {
      // Enqueuing hands the buffer over; the body may be shared with a clone.
      if (bytes.byteLength > 0) controller.enqueue(bytes.slice());
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
}

/** A stream that asks its source for bytes only when it is read. */
export function pulledStream(
  source: Pick<IncomingBody, 'read' | 'cancel'>,
): polyfill.ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      type: 'bytes',
      async pull(controller) {
        const chunk = await source.read();
        if (chunk === undefined) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else controller.enqueue(chunk);
      },
      cancel() {
        source.cancel();
      },
    },
    { highWaterMark: 0 },
  );
}
