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
const lineWidth = 72;
const groupedItems = 6;

interface Context {
  seen: object[];
  circular: Map<object, number>;
  depthLimit: number;
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

function prefix(value: object, usual: string, size?: number): string {
  const name = constructorName(value);
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  const sized = size === undefined ? '' : `(${size})`;
  const shown = name === null ? `[${usual}${sized}: null prototype]` : `${name}${sized}`;
  const extra = typeof tag === 'string' && tag !== '' && tag !== name ? ` [${tag}]` : '';
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

/** Puts parts on one line when short and flat, else one a line, as Node's reduceToSingleString (compact 3). */
function join(open: string, parts: string[], close: string, levelsBelow: number): string {
  if (parts.length === 0) return `${open}${close}`;
  const total = parts.reduce((sum, part) => sum + part.length, parts.length + open.length);
  if (
    levelsBelow < 3 &&
    total + parts.length <= lineWidth + 8 &&
    !parts.some((part) => part.includes('\n'))
  ) {
    const line = `${open} ${parts.join(', ')} ${close}`;
    if (line.length <= lineWidth + 4) return line;
  }
  return `${open}\n  ${parts.map(indented).join(',\n  ')}\n${close}`;
}

/** Long arrays of short values in columns (Node's groupArrayElements). */
function grouped(parts: string[], extraParts: number, numbers: boolean): string[] {
  const count = parts.length - extraParts;
  const lengths = parts.slice(0, count).map((part) => part.length + 2);
  const longest = Math.max(...lengths);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (!(longest * 3 + 2 < 80 && (total / longest > 5 || longest <= 8))) return parts;
  const bias = Math.sqrt(longest - total / parts.length);
  const biased = Math.max(longest - 3 - 0, 1);
  const columns = Math.min(
    Math.round(Math.sqrt(2.5 * Math.max(longest - bias, 1) * count) / Math.max(longest - bias, 1)),
    Math.floor((80 - 0) / longest),
    4 * 3,
    15,
  );
  if (columns <= 1 || biased < 0) return parts;
  const widths: number[] = [];
  for (let column = 0; column < columns; column++) {
    let width = 0;
    for (let row = column; row < count; row += columns) width = Math.max(width, lengths[row]!);
    widths.push(width);
  }
  const lines: string[] = [];
  for (let start = 0; start < count; start += columns) {
    const end = Math.min(start + columns, count);
    let line = '';
    for (let at = start; at < end; at++) {
      const text = at === end - 1 ? parts[at]! : `${parts[at]}, `;
      const width = widths[at - start]!;
      if (numbers) line += at === end - 1 ? text.padStart(width - 2) : text.padStart(width);
      else line += at === end - 1 ? text : text.padEnd(width);
    }
    lines.push(line);
  }
  return [...lines, ...parts.slice(count)];
}

function array(value: ArrayLike<unknown> & object, context: Context): [string[], boolean] {
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
  const rest = more(value.length);
  parts.push(...rest);
  const all = Array.isArray(value) || ArrayBuffer.isView(value);
  const numbers =
    all && Array.prototype.every.call(value, (item) => typeof item === 'number' || typeof item === 'bigint');
  if (parts.length > groupedItems && !parts.some((part) => part.includes('\n')))
    return [grouped(parts, rest.length, numbers), true];
  return [parts, false];
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

/** The longest chain of objects below `value`'s text counts as its depth for line breaking. */
function levels(parts: string[]): number {
  let deepest = 0;
  for (const part of parts) {
    let depth = 0;
    for (const character of part.includes("'") ? part.replace(/'[^']*'/g, '') : part) {
      if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
      else if (character === '}' || character === ']') depth--;
    }
  }
  return deepest;
}

function body(value: object, context: Context): string {
  if (typeof value === 'function') {
    const parts = properties(value, context, false);
    return parts.length === 0
      ? functionText(value)
      : join(`${functionText(value)} {`, parts, '}', levels(parts));
  }
  if (Array.isArray(value)) {
    const plain = constructorName(value) === 'Array';
    const [items, isGrouped] = array(value, context);
    const parts = [...items, ...properties(value, context, true)];
    const open = plain ? '[' : `${prefix(value, 'Array', value.length)}[`;
    if (isGrouped && parts.length !== value.length)
      return `${open}\n  ${parts.map(indented).join(',\n  ')}\n]`;
    return join(open, parts, ']', levels(parts));
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const list = value as Uint8Array;
    const [items, isGrouped] = array(list, context);
    const open = `${prefix(value, 'TypedArray', list.length)}[`;
    if (isGrouped && items.length !== list.length)
      return `${open}\n  ${items.map(indented).join(',\n  ')}\n]`;
    return join(open, items, ']', 0);
  }
  const extra = properties(value, context, false);
  if (value instanceof Map) {
    const parts = [...value].map(([name, item]) => `${show(name, context)} => ${show(item, context)}`);
    return join(`${prefix(value, 'Map', value.size)}{`, [...parts, ...extra], '}', levels(parts));
  }
  if (value instanceof Set) {
    const parts = [...value].map((item) => show(item, context));
    return join(`${prefix(value, 'Set', value.size)}{`, [...parts, ...extra], '}', levels(parts));
  }
  if (value instanceof ArrayBuffer) {
    const bytes = [...new Uint8Array(value, 0, Math.min(value.byteLength, 50))];
    const dots =
      value.byteLength > 50
        ? ` ... ${value.byteLength - 50} more byte${value.byteLength > 51 ? 's' : ''}`
        : '';
    const contents = `<${bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')}${dots}>`;
    return join('ArrayBuffer {', [`[Uint8Contents]: ${contents}`, `byteLength: ${value.byteLength}`], '}', 0);
  }
  const wrap = (text: string) => (extra.length === 0 ? text : join(`${text} {`, extra, '}', levels(extra)));
  if (value instanceof Error) return wrap(errorFormatter(value));
  if (value instanceof Date)
    return wrap(Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString());
  if (value instanceof RegExp) return wrap(String(value));
  if (value instanceof Promise) return 'Promise { ... }';
  if (value instanceof WeakMap || value instanceof WeakSet)
    return `${constructorName(value)} { <items unknown> }`;
  for (const kind of [Number, String, Boolean, BigInt, Symbol])
    if (value instanceof kind) return `[${kind.name}: ${primitive(value.valueOf())}]`;
  const plain = constructorName(value) === 'Object' && !(Symbol.toStringTag in value);
  const open = plain ? '{' : `${prefix(value, 'Object')}{`;
  return join(open, extra, '}', levels(extra));
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
    depthLimit: typeof depth === 'number' ? depth : maximumDepth,
  });
}
