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
  /** Files that are not written any more are kept as gzip. */
  compress: boolean;
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

/** By driver; those of `local` as moby daemon/logger/local has them. */
const defaults: Record<'json-file' | 'local', Omit<LogKeeping, 'driver'>> = {
  'json-file': { maxFiles: 1, compress: false },
  local: { maxBytes: 20 * 1024 * 1024, maxFiles: 5, compress: true },
};

const invalid = (message: string): never => {
  throw new DaemonError('invalid', message);
};

/** go-units: `10m`, `1.5gb`, `512`; log sizes count in thousands (FromHumanSize), memory in 1024 (RAMInBytes). */
function parseSize(text: string, unit: 1000 | 1024): number {
  const match = /^(\d+(?:\.\d+)?) ?([kKmMgGtTpP])?[iI]?[bB]?$/.exec(text);
  if (match === null) return invalid(`invalid size: '${text}'`);
  const power = match[2] === undefined ? 0 : 'kmgtp'.indexOf(match[2].toLowerCase()) + 1;
  return Math.floor(Number(match[1]) * unit ** power);
}

function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    return invalid(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** Go's strconv.ParseBool. */
function parseBoolean(text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  return invalid(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** Runs `read`; what is wrong is reported after `prefix`. */
function named<T>(prefix: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    return invalid(`${prefix}: ${(error as Error).message}`);
  }
}

type Options = Readonly<Record<string, string>>;

/** moby daemon/logger/factory.go: ValidateLogOpts; loggerutils/cache: validateLogCacheOpts. */
function checkCommon(options: Options): void {
  const { mode = '', 'max-buffer-size': buffer } = options;
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    invalid(`logger: logging mode not supported: ${mode}`);
  if (buffer !== undefined) {
    if (mode !== 'non-blocking')
      invalid("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    named('error parsing option max-buffer-size', () => parseSize(buffer, 1024));
  }
  const { 'cache-disabled': disabled } = options;
  if (disabled !== undefined)
    try {
      parseBoolean(disabled);
    } catch {
      invalid(`invalid value for option cache-disabled: ${disabled}`);
    }
}

function jsonFileKeeping(options: Options): LogKeeping {
  const { 'max-size': size, 'max-file': files, compress: gzip } = options;
  const { maxFiles: fewest, compress: byDefault } = defaults['json-file'];
  const maxBytes = size === undefined ? undefined : parseSize(size, 1000);
  if (maxBytes === 0) return invalid('max-size must be a positive number');
  const maxFiles = files === undefined ? fewest : parseInteger(files);
  if (maxFiles < 1) return invalid('max-file cannot be less than 1');
  const compress = gzip === undefined ? byDefault : parseBoolean(gzip);
  if (compress && (maxFiles === 1 || maxBytes === undefined))
    return invalid('compress cannot be true when max-file is less than 2 or max-size is not set');
  return { driver: 'json-file', ...(maxBytes === undefined ? {} : { maxBytes }), maxFiles, compress };
}

function localKeeping(options: Options): LogKeeping {
  const { 'max-size': size, 'max-file': files, compress: gzip } = options;
  const keeping = { driver: 'local' as const, ...defaults.local };
  if (size !== undefined)
    keeping.maxBytes = named(`invalid value for max-size: ${size}`, () => parseSize(size, 1000));
  if (files !== undefined)
    keeping.maxFiles = named(`invalid value for max-file: ${files}`, () => parseInteger(files));
  if (gzip !== undefined)
    keeping.compress = named('error reading compress log option', () => parseBoolean(gzip));
  if (keeping.maxFiles < 0) return invalid('max file count cannot be less than 0');
  if (keeping.compress && keeping.maxFiles <= 1)
    return invalid('compression cannot be enabled when max file count is 1');
  return keeping;
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
    return invalid(`error looking up logging plugin ${driver}: plugin "${driver}" not found`);
  if (driver === 'none') return { driver, maxFiles: 1, compress: false };
  checkCommon(options);
  for (const name of Object.keys(options))
    if (!commonOptions.includes(name) && !fileOptions.includes(name))
      return invalid(
        driver === 'local'
          ? `unknown log opt '${name}' for log driver local`
          : `unknown log opt '${name}' for json-file log driver`,
      );
  return driver === 'local' ? localKeeping(options) : jsonFileKeeping(options);
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
