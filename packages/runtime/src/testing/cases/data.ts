/** Cases for blobs, forms, encodings, clones, digests, events, streams. In: globals. Out: a table. Imports case. */
import { type Cases, outcome } from './case.js';

async function formEntries(form: FormData): Promise<unknown[]> {
  const entries: unknown[] = [];
  for (const [name, value] of form)
    entries.push([name, typeof value === 'string' ? value : [value.name, value.type, await value.text()]]);
  return entries;
}

function decode(
  label: string,
  bytes: number[],
  options?: { fatal?: boolean; ignoreBOM?: boolean },
): Promise<unknown> {
  return outcome(() => new TextDecoder(label, options).decode(new Uint8Array(bytes)));
}

function decodeInPieces(
  label: string,
  bytes: number[],
  options?: { fatal?: boolean; ignoreBOM?: boolean },
): Promise<unknown> {
  return outcome(() => {
    const decoder = new TextDecoder(label, options);
    let text = '';
    for (const byte of bytes) text += decoder.decode(new Uint8Array([byte]), { stream: true });
    return text + decoder.decode();
  });
}

function described(value: unknown): unknown {
  if (value instanceof Map)
    return ['Map', [...value].map(([key, item]) => [described(key), described(item)])];
  if (value instanceof Set) return ['Set', [...value].map(described)];
  if (value instanceof Date) return ['Date', value.getTime()];
  if (value instanceof RegExp) return ['RegExp', String(value), value.lastIndex];
  if (value instanceof Error) return ['Error', value.name, value.message, described(value.cause)];
  if (value instanceof ArrayBuffer) return ['ArrayBuffer', [...new Uint8Array(value)]];
  if (ArrayBuffer.isView(value))
    return [value.constructor.name, value.byteOffset, value.byteLength, value.buffer.byteLength];
  if (Array.isArray(value)) return ['Array', value.length, Object.keys(value), value.map(described)];
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (value instanceof Number || value instanceof String || value instanceof Boolean)
    return ['boxed', value.constructor.name, value.valueOf()];
  if (typeof value === 'object' && value !== null)
    return [value.constructor?.name, Object.entries(value).map(([key, item]) => [key, described(item)])];
  return value === undefined ? 'undefined' : Object.is(value, -0) ? '-0' : value;
}

const malformed = [
  [0x80],
  [0xc3],
  [0xc3, 0x28],
  [0xe2, 0x82],
  [0xe2, 0x28, 0xa1],
  [0xf0, 0x9f, 0x98, 0x80],
  [0xf0, 0x9f, 0x98],
  [0xed, 0xa0, 0x80],
  [0xc0, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xef, 0xbb, 0xbf, 0x61],
  [0x61, 0xef, 0xbb, 0xbf],
  [0xe0, 0x80, 0x80],
  [0xf4, 0x90, 0x80, 0x80],
];

export const cases: Cases = {
  blob: async () => {
    const blob = new Blob(['ab', new Uint8Array([0x63]), new Blob(['d']), 5 as never], {
      type: 'Text/PLAIN',
    });
    const slice = blob.slice(1, -1, 'x/y');
    return [
      blob.size,
      blob.type,
      await blob.text(),
      slice.size,
      slice.type,
      await slice.text(),
      await blob.slice(9).text(),
    ];
  },
  blobBad: () =>
    Promise.all([
      outcome(() => new Blob('x' as never)),
      outcome(() => String(new Blob([], { type: 'é' }).type)),
    ]),
  blobStream: async () => {
    const chunks: number[] = [];
    for await (const chunk of new Blob(['xyz']).stream() as unknown as AsyncIterable<Uint8Array>)
      chunks.push(...chunk);
    return chunks;
  },
  file: async () => {
    const file = new File(['x'], 'a.txt', { type: 'text/plain', lastModified: 5 });
    return [
      file.name,
      file.size,
      file.lastModified,
      file instanceof Blob,
      Object.prototype.toString.call(file),
    ];
  },
  form: async () => {
    const form = new FormData();
    form.append('a', '1');
    form.append('a', '2');
    form.set('b', new Blob(['x']));
    form.append('c', new File(['y'], 'c.bin', { type: 'm/n' }), 'd.bin');
    form.set('a', '3');
    const before = await formEntries(form);
    form.delete('b');
    return [before, form.get('zz'), form.getAll('a'), form.has('b'), [...form.keys()]];
  },
  formRoundTrip: async () => {
    const form = new FormData();
    form.append('na"me\n', 'line\nbreak');
    form.append('file', new File(['\r\n--x\r\n'], 'q"\u00e4.txt', { type: 'text/x' }));
    form.append('empty', '');
    const response = new Response(form);
    const type = response.headers.get('content-type')!;
    return [type.split(';')[0], await formEntries(await response.formData())];
  },
  formParse: async () => {
    const body = [
      '--b\r\n',
      'Content-Disposition: form-data; name="t"\r\n\r\nv\u00e4lue\r\n',
      '--b\r\n',
      'content-disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/x\r\n\r\n12\r\n3\r\n',
      '--b--\r\n',
    ].join('');
    const parse = (text: string, type: string) =>
      outcome(async () =>
        formEntries(await new Response(text, { headers: { 'content-type': type } }).formData()),
      );
    return [
      await parse(body, 'multipart/form-data; boundary=b'),
      await parse(body, 'multipart/form-data; boundary="b"'),
      await parse(body, 'multipart/form-data; boundary=c'),
      await parse(body.slice(0, -8), 'multipart/form-data; boundary=b'),
      await parse('a=1+2&b=%C3%A4', 'application/x-www-form-urlencoded'),
      await parse('a=1', 'text/plain'),
    ];
  },
  utf8: () => Promise.all(malformed.map((bytes) => decode('utf-8', bytes))),
  utf8Fatal: () => Promise.all(malformed.map((bytes) => decode('utf8', bytes, { fatal: true }))),
  utf8Pieces: () => Promise.all(malformed.map((bytes) => decodeInPieces('utf-8', bytes))),
  utf8KeepBom: () => decode('utf-8', [0xef, 0xbb, 0xbf, 0x61], { ignoreBOM: true }),
  utf16: () => decode('utf-16le', [0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde]),
  utf16Pieces: () => decodeInPieces('utf-16le', [0x61, 0, 0x3d, 0xd8, 0, 0xde]),
  utf16Broken: () =>
    Promise.all([decode('utf-16', [0x3d, 0xd8, 0x61]), decode('utf-16', [0x3d, 0xd8], { fatal: true })]),
  latin1: () => decode('latin1', [0x41, 0x80, 0xe4, 0xff]),
  labels: () => ['UTF-8', ' ascii ', 'unicode'].map((label) => new TextDecoder(label).encoding),
  labelBad: () => outcome(() => new TextDecoder('nonsense')),
  encode: () => {
    const encoder = new TextEncoder();
    const room = new Uint8Array(6);
    return [
      [...encoder.encode('aä€😀\ud800')],
      [...encoder.encode()],
      encoder.encodeInto('a€😀', room),
      [...room],
      encoder.encodeInto('€€€', room),
      encoder.encodeInto('', room),
    ];
  },
  encodeStreams: async () => {
    const text = new ReadableStream({
      start(controller) {
        for (const piece of ['a', '\ud83d', '\ude00', 'b']) controller.enqueue(piece);
        controller.close();
      },
    });
    let out = '';
    const through = text.pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream() as never);
    for await (const piece of through as unknown as AsyncIterable<string>) out += piece;
    return out;
  },
  clone: () => {
    const shared = { x: 1 };
    const sparse: unknown[] = [1];
    sparse.length = 3;
    sparse.push(undefined, -0, null);
    const cyclic: Record<string, unknown> = { a: sparse, shared, again: shared };
    cyclic.self = cyclic;
    const copy = structuredClone(cyclic) as typeof cyclic;
    return [copy.self === copy, copy.shared === copy.again, copy.shared === shared, described(copy.a)];
  },
  cloneKinds: () => {
    class Point {
      x = 1;
      get y() {
        return 2;
      }
    }
    const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
    return described(
      structuredClone({
        map: new Map<unknown, unknown>([[{ k: 1 }, new Set([1, 'a'])]]),
        date: new Date(5),
        pattern: /a/gi,
        error: new RangeError('bad', { cause: 'why' }),
        boxed: [Object(1), Object('s'), Object(true)],
        big: 10n,
        point: new Point(),
        buffer,
        view: new Uint16Array(buffer, 2, 1),
        data: new DataView(buffer, 1, 2),
      }),
    );
  },
  cloneBad: () =>
    Promise.all(
      [() => {}, Symbol('s'), Promise.resolve(), new WeakMap(), { f() {} }, [Symbol.iterator]].map((value) =>
        outcome(() => structuredClone(value as never)),
      ),
    ),
  cloneTransfer: async () => {
    const buffer = new Uint8Array([1, 2, 3]).buffer;
    const view = new Uint8Array(buffer, 1);
    const copy = structuredClone({ buffer, view }, { transfer: [buffer] });
    const kept = new ArrayBuffer(2);
    const failed = await outcome(() => structuredClone({ kept, f() {} }, { transfer: [kept] }));
    return [
      buffer.byteLength,
      described(copy.buffer),
      copy.view.byteOffset,
      [...copy.view],
      failed,
      kept.byteLength,
    ];
  },
  digest: () =>
    Promise.all(
      ['SHA-1', 'sha-256', 'SHA-384', 'SHA-512', 'MD5'].map((name) =>
        outcome(async () => [
          ...new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode('abc'))),
        ]),
      ),
    ),
  random: () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    return Promise.all([
      bytes.length,
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()),
      outcome(() => crypto.getRandomValues(new Uint8Array(65_537))),
      outcome(() => crypto.getRandomValues(new Float64Array(1) as never)),
    ]);
  },
  base64: () =>
    Promise.all([
      btoa('hé'),
      atob('aGk='),
      atob(' aGk '),
      outcome(() => btoa('€')),
      outcome(() => atob('a')),
    ]),
  events: () => {
    const target = new EventTarget();
    const log: string[] = [];
    const twice = () => log.push('twice');
    target.addEventListener('x', twice);
    target.addEventListener('x', twice);
    target.addEventListener('x', () => log.push('once'), { once: true });
    target.addEventListener('x', {
      handleEvent(event) {
        log.push(`object ${event.type} ${event.target === target}`);
        event.preventDefault();
      },
    });
    const controller = new AbortController();
    target.addEventListener('x', () => log.push('signal'), { signal: controller.signal });
    const first = target.dispatchEvent(new Event('x', { cancelable: true }));
    controller.abort();
    target.removeEventListener('x', twice);
    const second = target.dispatchEvent(new Event('x'));
    target.addEventListener('y', (event) => {
      log.push('y');
      event.stopImmediatePropagation();
    });
    target.addEventListener('y', () => log.push('not'));
    target.dispatchEvent(new Event('y'));
    return [first, second, log, new Event('z', { bubbles: true }).bubbles];
  },
  abort: async () => {
    const controller = new AbortController();
    const log: unknown[] = [];
    controller.signal.onabort = (event) => log.push(event.type);
    const any = AbortSignal.any([controller.signal, new AbortController().signal]);
    controller.abort();
    controller.abort('again');
    const timeout = AbortSignal.timeout(1);
    // Node's timeout signal keeps no process alive.
    const alive = setTimeout(() => {}, 50);
    await new Promise((resolve) => timeout.addEventListener('abort', resolve));
    clearTimeout(alive);
    return [
      log,
      controller.signal.reason.name,
      any.aborted,
      any.reason === controller.signal.reason,
      AbortSignal.abort('r').reason,
      timeout.reason.name,
      await outcome(() => controller.signal.throwIfAborted()),
      await outcome(() => new (AbortSignal as unknown as new () => AbortSignal)()),
    ];
  },
  streams: async () => {
    const log: unknown[] = [];
    const source = new ReadableStream(
      {
        start(controller) {
          controller.enqueue(1);
        },
        pull(controller) {
          log.push('pull');
          controller.enqueue(2);
          controller.close();
        },
      },
      new CountQueuingStrategy({ highWaterMark: 1 }),
    );
    const [left, right] = source.tee();
    const doubled = left.pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          controller.enqueue(chunk * 2);
        },
      }),
    );
    const written: unknown[] = [];
    await doubled.pipeTo(
      new WritableStream({
        write(chunk) {
          written.push(chunk);
        },
        close() {
          written.push('close');
        },
      }),
    );
    const other: unknown[] = [];
    for await (const chunk of right as unknown as AsyncIterable<number>) other.push(chunk);
    const aborted = await outcome(() =>
      new ReadableStream().pipeTo(new WritableStream(), {
        signal: AbortSignal.abort(new RangeError('stop')),
      }),
    );
    return [log, written, other, source.locked, aborted];
  },
  streamBytes: async () => {
    const stream = new ReadableStream({
      type: 'bytes',
      start(controller) {
        controller.enqueue(new Uint8Array([1, 2, 3]));
        controller.close();
      },
    });
    const reader = stream.getReader({ mode: 'byob' });
    const { value } = await reader.read(new Uint8Array(2));
    return [...value!];
  },
  timers: async () => {
    const log: unknown[] = [];
    await new Promise<void>((resolve) => {
      setTimeout((a, b) => log.push('timeout', a, b), 5, 1, 2);
      setTimeout(() => resolve(), 15);
      queueMicrotask(() => log.push('microtask'));
      Promise.resolve().then(() => log.push('promise'));
      clearTimeout(setTimeout(() => log.push('cleared'), 1));
      log.push('now');
    });
    return log;
  },
};
