/**
 * Flags and daemon.json into one checked configuration, with dockerd's rules: nothing may be set in both.
 *
 * In: values of flags by key, the file's text. Out: DaemonConfig, or ConfigError. May import: options, values, types.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf } from '../errors.js';
import { ConfigError } from './error.js';
import { daemonOptions } from './options.js';
import type { DaemonConfig } from './types.js';
import { type OptionValue, type OptionValues, parseFileValue, toConfig } from './values.js';

export const defaultConfigFile = '/etc/noos/daemon.json';
export const defaultDataRoot = '/var/lib/noos';

const byKey = new Map(daemonOptions.map((option) => [option.key, option]));
/** Lists and maps that flags and file may both add to: dockerd refuses these too, so none. */
const show = (value: OptionValue): string =>
  Array.isArray(value)
    ? `[${value.join(' ')}]`
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);

/** The values of a daemon.json; names every unknown key at once. */
export function parseConfigFile(text: string): OptionValues {
  let document: unknown;
  try {
    document = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new ConfigError((error as Error).message);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new ConfigError('the configuration is not a JSON object');
  const entries = Object.entries(document);
  const unknown = entries.map(([key]) => key).filter((key) => !byKey.has(key));
  if (unknown.length > 0)
    throw new ConfigError(
      `the following directives don't match any configuration option: ${unknown.sort().join(', ')}`,
    );
  return new Map(entries.map(([key, value]) => [key, parseFileValue(byKey.get(key)!, value)]));
}

/** Both together; dockerd's error when a key is in both. */
export function mergeValues(flags: OptionValues, file: OptionValues): OptionValues {
  const both = [...file.keys()].filter((key) => flags.has(key));
  if (both.length > 0)
    throw new ConfigError(
      `the following directives are specified both as a flag and in the configuration file: ${both
        .map((key) => `${key}: (from flag: ${show(flags.get(key)!)}, from file: ${show(file.get(key)!)})`)
        .join(', ')}`,
    );
  return new Map([...file, ...flags]);
}

/** Names what is global on the host (nft table, control group) for a daemon with this data root. */
export const instanceOf = (dataRoot: string): string =>
  resolve(dataRoot) === defaultDataRoot
    ? 'noos'
    : `noos-${createHash('sha256').update(resolve(dataRoot)).digest('hex').slice(0, 6)}`;

export interface ConfigSource {
  flags: OptionValues;
  /** `--config-file`; absent: the default one, which may not exist. */
  configFile?: string;
}

/** Reads the file, merges, checks. Throws ConfigError with dockerd's words. */
export function loadConfig({ flags, configFile }: ConfigSource): DaemonConfig {
  const path = configFile ?? defaultConfigFile;
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || configFile !== undefined)
      throw new ConfigError(
        `unable to configure the Docker daemon with file ${path}: ${errnoOf(error) === 'ENOENT' ? `open ${path}: no such file or directory` : (error as Error).message}`,
      );
  }
  try {
    const values = mergeValues(flags, parseConfigFile(text));
    const dataRoot = resolve((values.get('data-root') as string | undefined) ?? defaultDataRoot);
    return toConfig(values, dataRoot, instanceOf(dataRoot));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(
      text.trim() === ''
        ? error.message
        : `unable to configure the Docker daemon with file ${path}: ${error.message}`,
    );
  }
}
