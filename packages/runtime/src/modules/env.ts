/**
 * `noos:env`: the application's configuration, typed, frozen.
 *
 * In: values compiled into the image; start parameters `env.NAME`. Out: `env`. Imports core.
 * A value given at start has the type of the compiled one. What the top level read while the image was built cannot
 * be changed at start without the program seeing two values, so that is refused.
 */
import values from 'noos:env-values';
import { parametersBelow } from '../core/parameters.js';

/**
 * The application's configuration. Declare yours by merging:
 * `declare module 'noos:env' { interface Env { GREETING: string } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: the application merges its own members into it
export interface Env {}

type Value = string | number | boolean;

const current: Record<string, Value> = {};
const readAtBuild = new Set<string>();
for (const [name, value] of Object.entries(values as Record<string, Value>))
  Object.defineProperty(current, name, {
    enumerable: true,
    configurable: true,
    get() {
      readAtBuild.add(name);
      return value;
    },
  });

export const env = current as unknown as Readonly<Env>;

function convert(name: string, text: string, like: Value | undefined): Value {
  if (typeof like === 'number') {
    const number = Number(text);
    if (text.trim() === '' || Number.isNaN(number))
      throw new TypeError(`env.${name}=${text}: must be a number`);
    return number;
  }
  if (typeof like === 'boolean') {
    if (text !== 'true' && text !== 'false')
      throw new TypeError(`env.${name}=${text}: must be true or false`);
    return text === 'true';
  }
  return text;
}

/**
 * Takes the values given at start and freezes the object.
 * @throws TypeError for a value of another type, or of a name that the top level has read
 */
export function setEnvironment(): void {
  const compiled = values as Record<string, Value>;
  const final: Record<string, Value> = { ...compiled };
  for (const [name, text] of parametersBelow('env.')) {
    const value = convert(name, text, compiled[name]);
    if (readAtBuild.has(name) && value !== compiled[name])
      throw new TypeError(
        `env.${name} was read by the top level while the image was built and cannot change now: read it in fetch() or start(), or build with --no-snapshot`,
      );
    final[name] = value;
  }
  for (const [name, value] of Object.entries(final))
    Object.defineProperty(current, name, { enumerable: true, configurable: false, writable: false, value });
  Object.freeze(current);
}
