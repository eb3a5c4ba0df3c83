/**
 * Every global that the runtime gives, by its name: the one table of what the bundler injects.
 *
 * In: the modules that implement them. Out: exports named as the globals. A module is in an image only when the
 * application uses one of its names. Language built-ins and the engine's own (queueMicrotask, atob, btoa,
 * DOMException) are not here.
 */
export { Blob, File } from './blob/blob.js';
export { FormData } from './blob/form-data.js';
export { structuredClone } from './clone/structured-clone.js';
export { console } from './console/console.js';
export { crypto } from './crypto/crypto.js';
export { TextDecoderStream, TextEncoderStream } from './encoding/streams.js';
export { TextDecoder } from './encoding/text-decoder.js';
export { TextEncoder } from './encoding/text-encoder.js';
export { AbortController, AbortSignal } from './events/abort.js';
export { CustomEvent, Event } from './events/event.js';
export { EventTarget } from './events/event-target.js';
export { fetch } from './http/fetch.js';
export { Headers } from './http/headers.js';
export { Request } from './http/request-constructor.js';
export { Response } from './http/response.js';
export {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from './streams/streams.js';
export { performance } from './timers/performance.js';
export {
  clearImmediate,
  clearInterval,
  clearTimeout,
  setImmediate,
  setInterval,
  setTimeout,
} from './timers/timers.js';
export { URLSearchParams } from './url/search-params.js';
export { URL } from './url/url.js';
