/**
 * The version prefix of a path: `/v1.41/containers/json`.
 *
 * In: a decoded path. Out: version and the rest, or Docker's error. May import: errors, route.
 */
import { DaemonError } from '../errors.js';
import { type ApiVersion, currentApiVersion, minimumApiVersion } from './route.js';

/** 41 → `1.41`. */
export const formatVersion = (version: ApiVersion): string => `1.${version}`;

/** Splits a path; without a prefix it is the current version. Throws `invalid` for versions that are not served. */
export function splitVersion(path: string): { version: ApiVersion; path: string } {
  const match = /^\/v([0-9][0-9.]*)(\/.*)$/.exec(path);
  if (match === null) return { version: currentApiVersion, path };
  const [text, rest] = [match[1]!, match[2]!];
  const [major = 0, minor = 0] = text.split('.').map(Number);
  if (major > 1 || (major === 1 && minor > currentApiVersion))
    throw new DaemonError(
      'invalid',
      `client version ${text} is too new. Maximum supported API version is ${formatVersion(currentApiVersion)}`,
    );
  if (major < 1 || minor < minimumApiVersion)
    throw new DaemonError(
      'invalid',
      `client version ${text} is too old. Minimum supported API version is ${formatVersion(minimumApiVersion)}, please upgrade your client to a newer version`,
    );
  return { version: minor, path: rest };
}
