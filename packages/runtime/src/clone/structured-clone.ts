/**
 * structuredClone (HTML §2.7) for the types of the language.
 *
 * In: a value. Out: its copy, or DataCloneError. Imports nothing. Hand-written: `@ungap/structured-clone` has no
 * transfer, copies bytes item by item through arrays, and loses shared buffers, sparse arrays and causes of errors.
 */

const errorNames = [
  'Error',
  'EvalError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'TypeError',
  'URIError',
];

function refuse(value: unknown): never {
  const shown =
    typeof value === 'function'
      ? String(value).slice(0, 60)
      : typeof value === 'symbol'
        ? String(value)
        : Object.prototype.toString.call(value);
  throw new DOMException(`${shown} could not be cloned.`, 'DataCloneError');
}

function copyError(value: Error, seen: Map<object, object>): Error {
  const name = errorNames.includes(String(value.name)) ? value.name : 'Error';
  const Constructor = (globalThis as unknown as Record<string, new (message?: string) => Error>)[name]!;
  const message = Object.getOwnPropertyDescriptor(value, 'message')?.value;
  const copy = message === undefined ? new Constructor() : new Constructor(String(message));
  seen.set(value, copy);
  const define = (key: string, item: unknown) =>
    Object.defineProperty(copy, key, { value: item, writable: true, configurable: true, enumerable: false });
  define('stack', String(value.stack));
  if (Object.hasOwn(value, 'cause')) define('cause', copyValue(value.cause, seen));
  return copy;
}

function copyBuffer(value: ArrayBuffer, seen: Map<object, object>): ArrayBuffer {
  if (value.detached)
    throw new DOMException('An ArrayBuffer is detached and could not be cloned.', 'DataCloneError');
  const copy = value.resizable ? resizableCopy(value) : value.slice(0);
  seen.set(value, copy);
  return copy;
}

function resizableCopy(value: ArrayBuffer): ArrayBuffer {
  const copy = new ArrayBuffer(value.byteLength, { maxByteLength: value.maxByteLength });
  new Uint8Array(copy).set(new Uint8Array(value));
  return copy;
}

interface ViewPlace {
  offset: number;
  length: number;
}

/** Places of views on buffers that are transferred, as they were before. */
let viewPlaces: Map<ArrayBufferView, ViewPlace> | undefined;

function placeOf(value: ArrayBufferView): ViewPlace {
  const known = viewPlaces?.get(value);
  if (known !== undefined) return known;
  const length = value instanceof DataView ? value.byteLength : (value as Uint8Array).length;
  const place = { offset: value.byteOffset, length };
  viewPlaces?.set(value, place);
  return place;
}

function copyView(value: ArrayBufferView, seen: Map<object, object>): ArrayBufferView {
  const { offset, length } = placeOf(value);
  const buffer = copyValue(value.buffer, seen) as ArrayBuffer;
  const name = value instanceof DataView ? 'DataView' : (value as Uint8Array)[Symbol.toStringTag];
  const Constructor = (
    globalThis as unknown as Record<string, new (...values: unknown[]) => ArrayBufferView>
  )[name]!;
  const copy = new Constructor(buffer, offset, length);
  seen.set(value, copy);
  return copy;
}

function copyValue(value: unknown, seen: Map<object, object>): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return refuse(value);
  if (typeof value !== 'object' || value === null) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  if (value instanceof ArrayBuffer) return copyBuffer(value, seen);
  if (ArrayBuffer.isView(value)) return copyView(value, seen);
  if (value instanceof Error) return copyError(value, seen);
  let copy: object;
  switch (Object.prototype.toString.call(value).slice(8, -1)) {
    case 'Boolean':
    case 'Number':
    case 'String':
    case 'BigInt':
      copy = Object((value as { valueOf(): unknown }).valueOf());
      seen.set(value, copy);
      return copy;
    case 'Date':
      copy = new Date((value as Date).getTime());
      seen.set(value, copy);
      return copy;
    case 'RegExp':
      copy = new RegExp((value as RegExp).source, (value as RegExp).flags);
      seen.set(value, copy);
      return copy;
  }
  if (value instanceof Map) {
    const map = new Map();
    seen.set(value, map);
    for (const [key, item] of [...value]) map.set(copyValue(key, seen), copyValue(item, seen));
    return map;
  }
  if (value instanceof Set) {
    const set = new Set();
    seen.set(value, set);
    for (const item of [...value]) set.add(copyValue(item, seen));
    return set;
  }
  const cloner = (value as { _clone?: () => object })._clone;
  if (typeof cloner === 'function') {
    copy = cloner.call(value);
    seen.set(value, copy);
    return copy;
  }
  if (
    value instanceof Promise ||
    value instanceof WeakMap ||
    value instanceof WeakSet ||
    value instanceof WeakRef ||
    (Symbol.toStringTag in value && !Object.hasOwn(value, Symbol.toStringTag))
  )
    refuse(value);
  copy = Array.isArray(value) ? new Array(value.length) : {};
  seen.set(value, copy);
  for (const key of Object.keys(value))
    Object.defineProperty(copy, key, {
      value: copyValue((value as Record<string, unknown>)[key], seen),
      writable: true,
      configurable: true,
      enumerable: true,
    });
  return copy;
}

/**
 * @param value what to copy, cycles and shared parts included
 * @param options `transfer`: ArrayBuffers that move into the copy and are detached here
 * @throws DataCloneError for functions, symbols, promises and other things that cannot be copied
 */
export function structuredClone<T>(value: T, options?: { transfer?: Iterable<ArrayBuffer> } | null): T {
  const seen = new Map<object, object>();
  const moved: ArrayBuffer[] = [];
  for (const buffer of options?.transfer ?? []) {
    if (!(buffer instanceof ArrayBuffer)) throw new DOMException('Value not transferable', 'DataCloneError');
    if (buffer.detached || seen.has(buffer))
      throw new DOMException('An ArrayBuffer is detached or listed twice.', 'DataCloneError');
    seen.set(buffer, buffer);
    moved.push(buffer);
  }
  if (moved.length === 0) return copyValue(value, seen) as T;
  // A dry run first: a failure must leave the buffers as they were, and views lose their place with their buffer.
  viewPlaces = new Map();
  try {
    copyValue(value, new Map(seen));
    for (const buffer of moved) seen.set(buffer, buffer.transfer());
    return copyValue(value, seen) as T;
  } finally {
    viewPlaces = undefined;
  }
}
