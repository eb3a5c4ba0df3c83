/**
 * JSON into the value a schema describes, as Go's encoding/json does for dockerd: names in any case, null is absent,
 * unknown members are dropped.
 *
 * In: a parsed document, a schema. Out: a fresh value, or DaemonError `invalid`. May import: errors.
 */
import type { TSchema } from '@sinclair/typebox';
import { DaemonError } from '../errors.js';

/** The parts of JSON Schema that bodies are described with. */
interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema | Schema[];
  anyOf?: Schema[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
}

/** Deeper than any body of the API; keeps a hostile document from using the stack up. */
const depthLimit = 32;

const goTypes: Readonly<Record<string, string>> = { integer: 'int64', number: 'float64', boolean: 'bool' };

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}

function mismatch(value: unknown, path: string, expected: string): DaemonError {
  const shown = typeof value === 'number' ? `number ${value}` : kindOf(value);
  const where = path === '' ? 'Go value' : `Go struct field ${path}`;
  return new DaemonError(
    'invalid',
    `invalid JSON: json: cannot unmarshal ${shown} into ${where} of type ${expected}`,
  );
}

/** What null means where it cannot be left out (elements of lists and maps): Go's zero value. */
function zero(schema: Schema): unknown {
  if (schema.anyOf?.some((one) => one.type === 'null')) return null;
  const zeros: Record<string, () => unknown> = {
    object: () => ({}),
    array: () => [],
    string: () => '',
    integer: () => 0,
    number: () => 0,
    boolean: () => false,
  };
  return zeros[schema.type ?? '']?.() ?? null;
}

function decodeObject(schema: Schema, value: object, path: string, depth: number): object {
  const entries: [string, unknown][] = [];
  const properties = schema.properties ?? {};
  const names = new Map(Object.keys(properties).map((name) => [name.toLowerCase(), name]));
  const rest =
    Object.values(schema.patternProperties ?? {})[0] ??
    (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
  for (const [key, member] of Object.entries(value)) {
    const name = Object.hasOwn(properties, key) ? key : names.get(key.toLowerCase());
    const at = path === '' ? (name ?? key) : `${path}.${name ?? key}`;
    if (name !== undefined) {
      if (member !== null) entries.push([name, decodeValue(properties[name]!, member, at, depth)]);
    } else if (rest !== undefined)
      entries.push([key, member === null ? zero(rest) : decodeValue(rest, member, at, depth)]);
    else if (schema.additionalProperties === true) entries.push([key, member]);
  }
  // fromEntries defines members, so `__proto__` stays an ordinary name.
  const result = Object.fromEntries(entries);
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(result, name))
      throw new DaemonError('invalid', `invalid JSON: ${path === '' ? name : `${path}.${name}`} is missing`);
  return result;
}

function decodeAny(schemas: readonly Schema[], value: unknown, path: string, depth: number): unknown {
  let first: unknown;
  for (const schema of schemas)
    try {
      return decodeValue(schema, value, path, depth);
    } catch (error) {
      first ??= error;
    }
  throw first;
}

function decodeValue(schema: Schema, value: unknown, path: string, depth: number): unknown {
  if (depth > depthLimit) throw new DaemonError('invalid', 'invalid JSON: exceeded max depth');
  if (schema.anyOf !== undefined) return decodeAny(schema.anyOf, value, path, depth);
  if (schema.const !== undefined && schema.const !== value)
    throw new DaemonError('invalid', `invalid JSON: ${path} cannot be ${JSON.stringify(value)}`);
  switch (schema.type) {
    case 'object':
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw mismatch(value, path, schema.properties === undefined ? 'map' : 'struct');
      return decodeObject(schema, value, path, depth + 1);
    case 'array': {
      if (!Array.isArray(value)) throw mismatch(value, path, 'slice');
      const { items } = schema;
      return value.map((member, index) => {
        const one = Array.isArray(items) ? items[index] : items;
        if (one === undefined) return member;
        return member === null ? zero(one) : decodeValue(one, member, path, depth + 1);
      });
    }
    case 'integer':
    case 'number':
      if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value)))
        throw mismatch(value, path, goTypes[schema.type]!);
      if (value < (schema.minimum ?? value) || value > (schema.maximum ?? value))
        throw mismatch(value, path, goTypes[schema.type]!);
      return value;
    case 'string':
    case 'boolean':
    case 'null':
      if (kindOf(value) !== kindOf({ string: '', boolean: false, null: null }[schema.type]))
        throw mismatch(value, path, goTypes[schema.type] ?? schema.type);
      return value;
    default:
      return value;
  }
}

/** The document as `schema` describes it; null stands for an object without members. */
export const decode = (schema: TSchema, document: unknown): unknown =>
  decodeValue(schema as Schema, document ?? zero(schema as Schema), '', 0);
