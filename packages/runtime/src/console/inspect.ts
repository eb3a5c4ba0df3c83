/**
 * Values as text, in the manner of Node's `util.inspect` with its defaults.
 *
 * In: any value. Out: text. Imports nothing. Hand-written: `object-inspect` and `loupe` put everything on one
 * line, and know neither Node's line breaking nor circular references' numbers.
 */

/** Own text for a class of the runtime: `value[inspectSymbol](inspectNested)`. Node's name, so npm packages' own work. */
export const inspectSymbol = Symbol.for('nodejs.util.inspect.custom');

/** Depth, array items and line length as Node's defaults. */
const maximumDepth = 2;
const maximumItems = 100;
const lineWidth = 80;
/** Objects nested less than this many levels may share a line (Node's `compact`). */
const levelsOnLine = 3;
const groupedItems = 6;

interface Context {
  seen: object[];
  circular: Map<object, number>;
  depthLimit: number;
  /** Level of the object entered last, which is how Node judges how deep a line is. */
  lastLevel: number;
}

const identifier = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

function quote(text: string): string {
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') ? '`' : "'";
  let out = mark;
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (character === mark || character === '\\') out += `\\${character}`;
    else if (character === '\n') out += '\\n';
    else if (character === '\t') out += '\\t';
    else if (character === '\r') out += '\\r';
    else if (character === '\b') out += '\\b';
    else if (character === '\f') out += '\\f';
    else if (character === '\v') out += '\\v';
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
      out += `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
    else out += character;
  }
  return out + mark;
}

function number(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function primitive(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return number(value);
    case 'bigint':
      return `${value}n`;
    case 'undefined':
    case 'boolean':
    case 'symbol':
      return String(value);
    default:
      return value === null ? 'null' : undefined;
  }
}

function constructorName(value: object): string | null {
  for (let object: object | null = value; object !== null; object = Object.getPrototypeOf(object)) {
    const descriptor = Object.getOwnPropertyDescriptor(object, 'constructor');
    if (typeof descriptor?.value === 'function' && descriptor.value.name !== '') return descriptor.value.name;
  }
  return null;
}

/** The class's tag; one that the object itself carries is among its properties already. */
function ownTag(value: object): string {
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  return typeof tag === 'string' && !Object.hasOwn(value, Symbol.toStringTag) ? tag : '';
}

/** Whether the text of an object has parts; Node counts only such levels. */
function hasParts(value: object): boolean {
  if (value instanceof Map || value instanceof Set) return value.size > 0;
  return (
    value instanceof ArrayBuffer ||
    Object.keys(value).length > 0 ||
    Object.getOwnPropertySymbols(value).length > 0
  );
}

function prefix(value: object, usual: string, size?: number): string {
  const name = constructorName(value);
  const tag = ownTag(value);
  const sized = size === undefined ? '' : `(${size})`;
  const shown = name === null ? `[${usual}${sized}: null prototype]` : `${name}${sized}`;
  const extra = tag !== '' && tag !== name ? ` [${tag}]` : '';
  return `${shown}${extra} `;
}

function key(name: string | symbol): string {
  if (typeof name === 'symbol') return `[${String(name)}]`;
  return identifier.test(name) ? name : quote(name);
}

function property(owner: object, name: string | symbol, context: Context): string {
  const descriptor = Object.getOwnPropertyDescriptor(owner, name)!;
  if (descriptor.get !== undefined) return descriptor.set !== undefined ? '[Getter/Setter]' : '[Getter]';
  if (descriptor.set !== undefined) return '[Setter]';
  return show(descriptor.value, context);
}

function properties(value: object, context: Context, skipIndexes: boolean): string[] {
  const shown: string[] = [];
  for (const name of Reflect.ownKeys(value)) {
    if (skipIndexes && typeof name === 'string' && /^(0|[1-9][0-9]*)$/.test(name)) continue;
    if (!Object.getOwnPropertyDescriptor(value, name)!.enumerable) continue;
    shown.push(`${key(name)}: ${property(value, name, context)}`);
  }
  return shown;
}

function more(total: number): string[] {
  const left = total - maximumItems;
  return left > 0 ? [`... ${left} more item${left > 1 ? 's' : ''}`] : [];
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

/** One line when short and not too deep, else one part a line (Node's reduceToSingleString). */
function join(context: Context, open: string, parts: string[], close: string, isGrouped = false): string {
  if (parts.length === 0) return `${open}${close}`;
  const level = context.seen.length - 1;
  if (!isGrouped && context.lastLevel - level < levelsOnLine) {
    const start = parts.length + 2 * level + open.length + 10;
    const total = parts.reduce((sum, part) => sum + part.length, parts.length + start);
    if (total <= lineWidth && !parts.some((part) => part.includes('\n')))
      return `${open} ${parts.join(', ')} ${close}`;
  }
  return `${open}\n  ${parts.map(indented).join(',\n  ')}\n${close}`;
}

/** Long arrays of short values in columns (Node's groupArrayElements); the same parts when that does not suit. */
function grouped(context: Context, parts: string[], hasMore: boolean, numbers: boolean): string[] {
  const count = hasMore ? parts.length - 1 : parts.length;
  const indentation = 2 * (context.seen.length - 1);
  const lengths = parts.slice(0, count).map((part) => part.length);
  const longest = Math.max(...lengths) + 2;
  const total = lengths.reduce((sum, length) => sum + length + 2, 0);
  if (!(longest * 3 + indentation < lineWidth && (total / longest > 5 || longest <= 8))) return parts;
  const biased = Math.max(longest - 3 - Math.sqrt(longest - total / parts.length), 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * biased * count) / biased),
    Math.floor((lineWidth - indentation) / longest),
    levelsOnLine * 4,
    15,
  );
  if (columns <= 1) return parts;
  const widths = Array.from({ length: columns }, (_, column) => {
    let width = 0;
    for (let at = column; at < count; at += columns) width = Math.max(width, lengths[at]!);
    return width + 2;
  });
  const lines: string[] = [];
  for (let start = 0; start < count; start += columns) {
    const last = Math.min(start + columns, count) - 1;
    let line = '';
    for (let at = start; at < last; at++) {
      const width = widths[at - start]!;
      line += numbers ? `${parts[at]}, `.padStart(width) : `${parts[at]}, `.padEnd(width);
    }
    lines.push(line + (numbers ? parts[last]!.padStart(widths[last - start]! - 2) : parts[last]!));
  }
  return [...lines, ...parts.slice(count)];
}

/** Items of an array, holes counted together. */
function array(value: ArrayLike<unknown> & object, context: Context): string[] {
  const parts: string[] = [];
  const shownItems = Math.min(value.length, maximumItems);
  let holes = 0;
  const flush = () => {
    if (holes > 0) parts.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`);
    holes = 0;
  };
  for (let index = 0; index < shownItems; index++) {
    if (!(index in value)) {
      holes++;
      continue;
    }
    flush();
    parts.push(show(value[index], context));
  }
  flush();
  parts.push(...more(value.length));
  return parts;
}

function joinArray(context: Context, open: string, value: ArrayLike<unknown>, parts: string[]): string {
  if (parts.length <= groupedItems) return join(context, open, parts, ']');
  const numbers = Array.prototype.every.call(
    Array.prototype.slice.call(value, 0, parts.length),
    (item) => typeof item === 'number' || typeof item === 'bigint',
  );
  const lines = grouped(context, parts, value.length > maximumItems, numbers);
  return join(context, open, lines, ']', lines.length !== parts.length);
}

function functionText(value: object & { name?: unknown }): string {
  const source = Function.prototype.toString.call(value);
  const name = typeof value.name === 'string' ? value.name : '';
  if (source.startsWith('class')) {
    const parent = Object.getPrototypeOf(value)?.name;
    return `[class ${name === '' ? '(anonymous)' : name}${parent ? ` extends ${parent}` : ''}]`;
  }
  const kind = constructorName(value) ?? 'Function';
  return name === '' ? `[${kind} (anonymous)]` : `[${kind}: ${name}]`;
}

let errorFormatter: (error: Error) => string = (error) => `${error.name}: ${error.message}`;
/** How an Error is shown: console/format-error gives it the mapped stack. */
export function setErrorFormatter(formatter: (error: Error) => string): void {
  errorFormatter = formatter;
}

function body(value: object, context: Context): string {
  if (typeof value === 'function') {
    const parts = properties(value, context, false);
    return parts.length === 0 ? functionText(value) : join(context, `${functionText(value)} {`, parts, '}');
  }
  if (Array.isArray(value)) {
    const open = constructorName(value) === 'Array' ? '[' : `${prefix(value, 'Array', value.length)}[`;
    return joinArray(context, open, value, [...array(value, context), ...properties(value, context, true)]);
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as Uint8Array;
    return joinArray(context, `${prefix(value, 'TypedArray', list.length)}[`, list, array(list, context));
  }
  const extra = properties(value, context, false);
  if (value instanceof Map) {
    const parts = [...value].map(([name, item]) => `${show(name, context)} => ${show(item, context)}`);
    return join(context, `${prefix(value, 'Map', value.size)}{`, [...parts, ...extra], '}');
  }
  if (value instanceof Set) {
    const parts = [...value].map((item) => show(item, context));
    return join(context, `${prefix(value, 'Set', value.size)}{`, [...parts, ...extra], '}');
  }
  if (value instanceof ArrayBuffer) {
    const bytes = [...new Uint8Array(value, 0, Math.min(value.byteLength, 50))];
    const dots =
      value.byteLength > 50
        ? ` ... ${value.byteLength - 50} more byte${value.byteLength > 51 ? 's' : ''}`
        : '';
    const contents = `<${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}${dots}>`;
    return join(
      context,
      'ArrayBuffer {',
      [`[Uint8Contents]: ${contents}`, `byteLength: ${value.byteLength}`],
      '}',
    );
  }
  const wrap = (text: string) => (extra.length === 0 ? text : join(context, `${text} {`, extra, '}'));
  if (value instanceof Error) return wrap(errorFormatter(value));
  if (value instanceof Date)
    return wrap(Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString());
  if (value instanceof RegExp) return wrap(String(value));
  if (value instanceof Promise) return 'Promise { ... }';
  if (value instanceof WeakMap || value instanceof WeakSet)
    return `${constructorName(value)} { <items unknown> }`;
  for (const kind of [Number, String, Boolean, BigInt, Symbol])
    if (value instanceof kind) return `[${kind.name}: ${primitive(value.valueOf())}]`;
  const plain = constructorName(value) === 'Object' && ownTag(value) === '';
  const open = plain ? '{' : `${prefix(value, 'Object')}{`;
  return join(context, open, extra, '}');
}

function show(value: unknown, context: Context): string {
  const simple = primitive(value);
  if (simple !== undefined) return simple;
  const object = value as object & { [inspectSymbol]?: unknown };
  if (context.seen.includes(object)) {
    const known = context.circular.get(object) ?? context.circular.size + 1;
    context.circular.set(object, known);
    return `[Circular *${known}]`;
  }
  const custom = object[inspectSymbol];
  if (typeof custom === 'function') {
    const result: unknown = custom.call(object, maximumDepth - context.seen.length, {}, inspect);
    return typeof result === 'string' ? result : show(result, context);
  }
  const nested = typeof value !== 'function' && !(value instanceof Error) && !(value instanceof Date);
  if (context.seen.length > context.depthLimit && nested && !(value instanceof RegExp))
    return Array.isArray(value) ? '[Array]' : `[${constructorName(object) ?? 'Object: null prototype'}]`;
  context.seen.push(object);
  if (hasParts(object)) context.lastLevel = context.seen.length - 1;
  const text = body(object, context);
  context.seen.pop();
  const circle = context.circular.get(object);
  return circle === undefined ? text : `<ref *${circle}> ${text}`;
}

/** Text of a value as Node's `util.inspect(value)`; `depth` levels of nesting. */
export function inspect(value: unknown, depth: number = maximumDepth): string {
  return show(value, {
    seen: [],
    circular: new Map(),
    lastLevel: 0,
    depthLimit: typeof depth === 'number' ? depth : maximumDepth,
  });
}
