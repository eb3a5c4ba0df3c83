/**
 * `crypto`: random values from the platform's entropy, digests from `@noble/hashes`.
 *
 * In: entropy, bytes. Out: the global. Imports core; features/digest brings `@noble/hashes`.
 */
import { requireRunning } from '../core/build-time.js';
import { host } from '../core/host.js';

/** Set by the digest feature: an app that wants only random values holds no hash functions. */
export const cryptoParts: { digests?: Record<string, (bytes: Uint8Array) => Uint8Array> } = {};

/** Web Cryptography §10.1.1. */
const quotaBytes = 65_536;

const hex: string[] = [];
for (let byte = 0; byte < 256; byte++) hex.push(byte.toString(16).padStart(2, '0'));

export const crypto = {
  getRandomValues<T extends ArrayBufferView>(array: T): T {
    if (
      !ArrayBuffer.isView(array) ||
      array instanceof DataView ||
      array instanceof Float32Array ||
      array instanceof Float64Array
    )
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    if (array.byteLength > quotaBytes)
      throw new DOMException(`The requested length exceeds ${quotaBytes} bytes`, 'QuotaExceededError');
    requireRunning('crypto.getRandomValues()');
    if (array.byteLength > 0)
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(
        new Uint8Array(host.entropy(array.byteLength)),
      );
    return array;
  },

  /** RFC 9562 §5.4, version 4. */
  randomUUID(): string {
    requireRunning('crypto.randomUUID()');
    const bytes = new Uint8Array(host.entropy(16));
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    let text = '';
    for (let index = 0; index < 16; index++)
      text += (index === 4 || index === 6 || index === 8 || index === 10 ? '-' : '') + hex[bytes[index]!];
    return text;
  },

  subtle: {
    async digest(
      algorithm: string | { name: string },
      data: ArrayBuffer | ArrayBufferView,
    ): Promise<ArrayBuffer> {
      const name = String(typeof algorithm === 'object' ? algorithm.name : algorithm).toUpperCase();
      const { digests = {} } = cryptoParts;
      const digest = digests[name];
      if (digest === undefined)
        throw new DOMException(
          `Unrecognized algorithm name ${name}: ${Object.keys(digests).join(', ')} are there`,
          'NotSupportedError',
        );
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(data);
      const result = digest(bytes);
      return result.buffer.slice(result.byteOffset, result.byteOffset + result.byteLength) as ArrayBuffer;
    },
  },
};
