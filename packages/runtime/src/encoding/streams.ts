/**
 * TextEncoderStream and TextDecoderStream (Encoding §7.5, §7.6).
 *
 * In: chunks. Out: the classes. Imports encoding, streams.
 */
import { TransformStream } from '../streams/streams.js';
import { TextDecoder } from './text-decoder.js';
import { encodeUtf8 } from './utf8.js';

export class TextEncoderStream {
  readonly encoding = 'utf-8';
  readonly readable: unknown;
  readonly writable: unknown;

  constructor() {
    // A high surrogate at the end of a chunk waits for its low one.
    let high = '';
    const transform = new TransformStream<string, Uint8Array>({
      transform(chunk, controller) {
        let text = high + String(chunk);
        high = '';
        const last = text.charCodeAt(text.length - 1);
        if (last >= 0xd800 && last <= 0xdbff) {
          high = text.slice(-1);
          text = text.slice(0, -1);
        }
        if (text !== '') controller.enqueue(encodeUtf8(text));
      },
      flush(controller) {
        if (high !== '') controller.enqueue(new Uint8Array([0xef, 0xbf, 0xbd]));
      },
    });
    this.readable = transform.readable;
    this.writable = transform.writable;
  }
}

export class TextDecoderStream {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  readonly readable: unknown;
  readonly writable: unknown;

  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) {
    const decoder = new TextDecoder(label, options);
    this.encoding = decoder.encoding;
    this.fatal = decoder.fatal;
    this.ignoreBOM = decoder.ignoreBOM;
    const transform = new TransformStream<ArrayBuffer | ArrayBufferView, string>({
      transform(chunk, controller) {
        const text = decoder.decode(chunk, { stream: true });
        if (text !== '') controller.enqueue(text);
      },
      flush(controller) {
        const text = decoder.decode();
        if (text !== '') controller.enqueue(text);
      },
    });
    this.readable = transform.readable;
    this.writable = transform.writable;
  }
}
