/**
 * Names of images as people write them, and their parts (distribution's reference grammar, Docker's defaults).
 *
 * In: `busybox`, `localhost:5000/web:1`, `repo@sha256:…`. Out: Reference, familiar and full forms. May import: errors.
 */
import { DaemonError } from '../errors.js';
import type { Digest } from './types.js';

export interface Reference {
  /** Registry: `docker.io`, `localhost:5000`. */
  readonly domain: string;
  /** Repository at the registry: `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const defaultDomain = 'docker.io';
const officialPrefix = 'library/';
/** distribution/reference: NameTotalLengthMax. */
const nameLimit = 255;

const domainComponent = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(
  `^(?:${domainComponent}(?:\\.${domainComponent})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?$`,
);
const pathPattern = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

const invalid = (message: string): DaemonError => new DaemonError('invalid', message);

export const isTag = (text: string): boolean => tagPattern.test(text);

export const isDigest = (text: string): text is Digest => digestPattern.test(text);

/** `localhost/x`, `host.example/x`, `host:80/x` name a registry; `user/x` does not. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isDomain =
    first !== '' && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const domain = isDomain ? first : defaultDomain;
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain !== defaultDomain && domain !== 'index.docker.io') return { domain, path };
  return { domain: defaultDomain, path: path.includes('/') ? path : officialPrefix + path };
}

/** Throws DaemonError invalid in Docker's words. Without tag and digest it stays without. */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid('invalid reference format');
  if (/^[0-9a-f]{64}$/.test(text))
    throw invalid(
      `invalid reference format: invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`,
    );
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const colon = beforeDigest.lastIndexOf(':');
  const hasTag = colon > beforeDigest.lastIndexOf('/');
  const tag = hasTag ? beforeDigest.slice(colon + 1) : undefined;
  const { domain, path } = splitDomain(hasTag ? beforeDigest.slice(0, colon) : beforeDigest);
  if (path.toLowerCase() !== path && pathPattern.test(path.toLowerCase()))
    throw invalid(`invalid reference format: repository name (${path}) must be lowercase`);
  const wellFormed =
    domainPattern.test(domain) &&
    pathPattern.test(path) &&
    (tag === undefined || tagPattern.test(tag)) &&
    (digest === undefined || digestPattern.test(digest));
  if (!wellFormed) throw invalid('invalid reference format');
  if (path.length > nameLimit)
    throw invalid(`invalid reference format: repository name must not be more than ${nameLimit} characters`);
  return {
    domain,
    path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest: digest as Digest }),
  };
}

/** As people write it: `busybox`, `user/app`, `localhost:5000/web`. */
export function familiarName({ domain, path }: Reference): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const short = path.startsWith(officialPrefix) ? path.slice(officialPrefix.length) : path;
  // A prefix that hides another name must stay: `library/a/b`, `library/localhost`-like names.
  return short.includes('/') && path.startsWith(officialPrefix) ? path : short;
}

const suffix = ({ tag, digest }: Reference): string =>
  `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** `busybox:latest`. */
export const familiarString = (reference: Reference): string => familiarName(reference) + suffix(reference);

/** `docker.io/library/busybox`. */
export const fullName = ({ domain, path }: Reference): string => `${domain}/${path}`;

/** `docker.io/library/busybox:latest`. */
export const fullString = (reference: Reference): string => fullName(reference) + suffix(reference);

/** `latest` when there is neither tag nor digest. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
