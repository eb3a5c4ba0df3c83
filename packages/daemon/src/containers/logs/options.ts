/**
 * Log drivers and their options, with Docker's checks and texts.
 *
 * In: HostConfig.LogConfig. Out: what is kept and how much of it. May import: errors.
 */
import { DaemonError } from '../../errors.js';

export interface LogConfig {
  Type?: string;
  Config?: Record<string, string> | null;
}

export interface LogKeeping {
  driver: 'json-file' | 'local' | 'none';
  /** Bound of each file; undefined: none. */
  maxBytes?: number;
  /** Files kept, the one being written included. */
  maxFiles: number;
}

/** Options of every driver (moby daemon/logger/factory.go). */
const commonOptions = [
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-file',
  'cache-max-size',
  'cache-compress',
];
const fileOptions = ['max-file', 'max-size', 'compress', 'labels', 'labels-regex', 'env', 'env-regex', 'tag'];

/** Drivers dockerd has and this daemon has not. */
const foreignDrivers = [
  'syslog',
  'journald',
  'gelf',
  'fluentd',
  'awslogs',
  'splunk',
  'gcplogs',
  'etwlogs',
  'logentries',
];

/** Defaults of driver `local` (moby daemon/logger/local: defaultMaxFileSize, defaultMaxFileCount). */
const localDefaults = { maxBytes: 20 * 1024 * 1024, maxFiles: 5 };

const invalid = (message: string): never => {
  throw new DaemonError('invalid', message);
};

/** go-units RAMInBytes: `10m`, `1.5gb`, `512`. */
function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?[iI]?[bB]?$/.exec(text);
  if (match === null) return invalid(`invalid size: '${text}'`);
  const power = match[2] === undefined ? 0 : 'kmgtp'.indexOf(match[2].toLowerCase()) + 1;
  return Math.floor(Number(match[1]) * 1024 ** power);
}

function parseFiles(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    return invalid(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const files = Number(text);
  return files < 1 ? invalid('max-file cannot be less than 1') : files;
}

/** Checks driver and options and says what to keep. `fallback` is the daemon's own driver and options. */
export function logKeeping(config: LogConfig | undefined, fallback: LogConfig = {}): LogKeeping {
  const driver = config?.Type || fallback.Type || 'json-file';
  const inherited = driver === (fallback.Type || 'json-file') ? (fallback.Config ?? {}) : {};
  const options: Record<string, string> = { ...inherited, ...config?.Config };
  if (foreignDrivers.includes(driver))
    return invalid(
      `logger: log driver '${driver}' is not supported by this daemon: use json-file, local or none`,
    );
  if (driver !== 'json-file' && driver !== 'local' && driver !== 'none')
    return invalid(`logger: no log driver named '${driver}' is registered`);
  if (options.mode !== undefined && !['', 'blocking', 'non-blocking'].includes(options.mode))
    return invalid(`logger: logging mode not supported: ${options.mode}`);
  if (driver === 'none') return { driver, maxFiles: 1 };
  for (const name of Object.keys(options))
    if (!commonOptions.includes(name) && !fileOptions.includes(name))
      return invalid(
        driver === 'local'
          ? `unknown log opt '${name}' for log driver local`
          : `unknown log opt '${name}' for json-file log driver`,
      );
  const defaults: { maxBytes?: number; maxFiles: number } =
    driver === 'local' ? localDefaults : { maxFiles: 1 };
  const size = options['max-size'];
  const maxBytes = size === undefined || size === '-1' ? defaults.maxBytes : parseSize(size);
  if (maxBytes !== undefined && maxBytes <= 0) return invalid('max-size must be a positive number');
  const files = options['max-file'];
  const maxFiles = files === undefined ? defaults.maxFiles : parseFiles(files);
  if (driver === 'json-file' && options.compress === 'true' && (maxFiles === 1 || maxBytes === undefined))
    return invalid('compress cannot be true when max-file is less than 2 or max-size is not set');
  return maxBytes === undefined ? { driver, maxFiles } : { driver, maxBytes, maxFiles };
}

const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

/** Values a tag's template may name (moby daemon/logger/info.go). */
export interface LogIdentity {
  id: string;
  name: string;
  imageId: string;
  imageName: string;
  labels: Record<string, string>;
  env: readonly string[];
}

function renderTag(template: string, identity: LogIdentity): string {
  const values: Record<string, string> = {
    ID: identity.id.slice(0, 12),
    FullID: identity.id,
    Name: identity.name,
    FullName: `/${identity.name}`,
    ImageID: identity.imageId.replace(/^sha256:/, '').slice(0, 12),
    ImageFullID: identity.imageId,
    ImageName: identity.imageName,
    ImageFullName: identity.imageName,
    DaemonName: 'docker',
  };
  return template.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (whole, name: string) => values[name] ?? whole);
}

/** What `docker logs --details` puts before each line: `key=value,…` of labels, environment and tag, and a space. */
export function logDetails(config: LogConfig | undefined, identity: LogIdentity): string {
  const options = config?.Config ?? {};
  const chosen: Record<string, string> = {};
  const choose = (from: Record<string, string>, names: string | undefined, pattern: string | undefined) => {
    const wanted = new Set((names ?? '').split(',').map((name) => name.trim()));
    const matching = pattern ? new RegExp(pattern) : undefined;
    for (const [name, value] of Object.entries(from))
      if (wanted.has(name) || matching?.test(name)) chosen[name] = value;
  };
  const environment = identity.env.map((pair) => [pair.split('=', 1)[0]!, pair.slice(pair.indexOf('=') + 1)]);
  choose(identity.labels, options.labels, options['labels-regex']);
  choose(Object.fromEntries(environment), options.env, options['env-regex']);
  if (options.tag) chosen.tag = renderTag(options.tag, identity);
  const pairs = Object.keys(chosen)
    .sort()
    .map((name) => `${queryEscape(name)}=${queryEscape(chosen[name]!)}`);
  return `${pairs.join(',')} `;
}
