/**
 * Values of options, as they are written.
 *
 * In: text. Out: values; `CliError` with the usage code otherwise. May import: libos.
 */
import { limits } from '@noos/libos/limits';
import { InvalidArgumentError } from 'commander';

const units: Record<string, number> = { '': 1, k: 1024, m: 1_048_576, g: 1_073_741_824 };
/** The least that a JavaScript heap needs, and the most that 32-bit memories address. */
const memoryRange = [1_048_576, 2_147_483_648] as const;

/** `64m`, `512k`, `1g` or a plain number; NaN for anything else. */
function parseSize(text: string): number {
  const match = /^(\d+)([kmg]?)b?$/i.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * units[match[2]!.toLowerCase()]!;
}

/** `64m`, `512k`, `1g` or bytes. */
export function parseMemory(text: string): number {
  const bytes = parseSize(text);
  if (!(bytes >= memoryRange[0] && bytes <= memoryRange[1]))
    throw new InvalidArgumentError('Write a size between 1m and 2g, for example 64m.');
  return bytes;
}

/** Collects `K=V`. */
export function collectEnvironment(text: string, all: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  const name = text.slice(0, at);
  if (at < 1 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new InvalidArgumentError('Write NAME=VALUE, for example --env GREETING=hello.');
  return { ...all, [name]: text.slice(at + 1) };
}

/** The value of a limit as its start parameter has it. @throws InvalidArgumentError for an unknown name or a bad value */
export function parseLimit(name: string, text: string): string {
  const limit = limits.get(name);
  if (limit === undefined)
    throw new InvalidArgumentError(
      `There is no limit ${name}: docs/http.md and docs/architecture.md list them.`,
    );
  const value = limit.unit === 'bytes' ? parseSize(text) : /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= limit.least && value <= limit.most)) {
    const unit = limit.unit === 'count' ? '' : ` ${limit.unit}`;
    const sizes = limit.unit === 'bytes' ? ', for example 64m' : '';
    throw new InvalidArgumentError(`${name} must be ${limit.least} to ${limit.most}${unit}${sizes}.`);
  }
  return String(BigInt(value));
}

/** Collects `NAME=VALUE` of limits. */
export function collectLimit(text: string, all: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write NAME=VALUE, for example --limit http.bodyBytes=10m.');
  const name = text.slice(0, at);
  return { ...all, [name]: parseLimit(name, text.slice(at + 1)) };
}

/** Collects an option that may be repeated. */
export const collect = (text: string, all: readonly string[] = []): string[] => [...all, text];
