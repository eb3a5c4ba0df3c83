/**
 * Image references: the grammar and the familiar forms of distribution/reference.
 *
 * In: what people type. Out: full and familiar names. May import: errors, types.
 */
import { DaemonError } from '../../errors.js';
import type { Digest } from '../types.js';

export interface Reference {
  /** `docker.io`, `localhost:5000`, … */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  /** `docker.io/library/busybox`. */
  readonly repository: string;
  /** As people write it: `busybox`, `localhost:5000/web`. */
  readonly familiar: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const defaultDomain = 'docker.io';
const legacyDefaultDomain = 'index.docker.io';
const officialNamespace = 'library';
const defaultTag = 'latest';
/** Of domain and path together. */
const nameLimit = 255;

// distribution/reference, regexp.go.
const domainPart = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const domainPattern = new RegExp(
  `^(?:${domainPart}(?:\\.${domainPart})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?$`,
);
const pathPart = '[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*';
const pathPattern = new RegExp(`^${pathPart}(?:/${pathPart})*$`);
const tagPattern = /^[\w][\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const identifierPattern = /^[0-9a-f]{64}$/;

const invalid = (detail = ''): DaemonError =>
  new DaemonError('invalid', `invalid reference format${detail === '' ? '' : `: ${detail}`}`);

export const isDigest = (text: string): text is Digest => digestPattern.test(text);

/** `name`, `name:tag`, `name@digest`, `name:tag@digest`. Throws DaemonError in distribution/reference's words. */
export function parseReference(text: string): Reference {
  if (identifierPattern.test(text))
    throw invalid(`invalid repository name (${text}), cannot specify 64-byte hexadecimal strings`);
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const named = at === -1 ? text : text.slice(0, at);
  const slash = named.indexOf('/');
  const first = slash === -1 ? '' : named.slice(0, slash);
  const hasDomain =
    slash !== -1 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  let domain = hasDomain ? first : defaultDomain;
  let rest = hasDomain ? named.slice(slash + 1) : named;
  if (domain === legacyDefaultDomain) domain = defaultDomain;
  const colon = rest.indexOf(':');
  const tag = colon === -1 ? undefined : rest.slice(colon + 1);
  if (colon !== -1) rest = rest.slice(0, colon);
  if (domain === defaultDomain && rest !== '' && !rest.includes('/')) rest = `${officialNamespace}/${rest}`;
  if (rest.toLowerCase() !== rest) throw invalid(`repository name (${rest}) must be lowercase`);
  if (!domainPattern.test(domain) || !pathPattern.test(rest)) throw invalid();
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid();
  if (digest !== undefined && !isDigest(digest)) throw invalid();
  if (domain.length + 1 + rest.length > nameLimit)
    throw new DaemonError('invalid', `repository name must not be more than ${nameLimit} characters`);
  return {
    domain,
    path: rest,
    repository: `${domain}/${rest}`,
    familiar: familiarName(domain, rest),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

function familiarName(domain: string, path: string): string {
  if (domain !== defaultDomain) return `${domain}/${path}`;
  const official = `${officialNamespace}/`;
  const short = path.startsWith(official) ? path.slice(official.length) : path;
  return short.includes('/') && path.startsWith(official) ? path : short;
}

/** `latest` when neither tag nor digest is given. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: defaultTag }
    : reference;

/** `busybox:latest`, `busybox@sha256:…`. */
export const familiarString = ({ familiar, tag, digest }: Reference): string =>
  `${familiar}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** Key of a record: full repository with tag or digest. */
export const fullString = ({ repository, tag, digest }: Reference): string =>
  `${repository}${digest !== undefined ? `@${digest}` : `:${tag ?? defaultTag}`}`;
