/**
 * What to put into `Authorization`: Docker's token protocol, OAuth 2 with refresh tokens, basic.
 *
 * In: challenges of the registry, the user's credentials. Out: header values, cached while they are valid. May
 * import: challenge, errors, images/types.
 */
import type { RegistryAuth } from '../../types.js';
import { RegistryError } from '../client/errors.js';
import type { Challenge } from './challenge.js';

export interface TokenRequest {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** Sends the request and returns the JSON answer; throws RegistryError for anything but 2xx. */
export type FetchToken = (request: TokenRequest) => Promise<unknown>;

export interface Authorizer {
  /** The header's value for these scopes; undefined: the registry asks for nothing. */
  header(scopes: readonly string[]): Promise<string | undefined>;
  /** The registry did not take it: the next call asks for a new token. */
  invalidate(scopes: readonly string[]): void;
  /** Refresh token the authorization server handed out (`docker login`). */
  readonly identityToken: string | undefined;
}

/** Docker's: tokens without a lifetime live this long (distribution spec, "Token Authentication"). */
const defaultLifetimeSeconds = 60;
/** What a token is renewed ahead of its end. */
const marginSeconds = 5;
const clientId = 'docker';

const basic = (auth: RegistryAuth): string =>
  `Basic ${Buffer.from(`${auth.username ?? ''}:${auth.password ?? ''}`).toString('base64')}`;

const hasPassword = (auth: RegistryAuth | undefined): auth is RegistryAuth =>
  auth?.username !== undefined && auth.username !== '' && (auth.password ?? '') !== '';

const noCredentials = (): RegistryError => new RegistryError('credentials', 'no basic auth credentials');

/** The request for a token (distribution's TokenHandler: GET with basic, or OAuth when there is a refresh token). */
export function tokenRequest(
  challenge: Challenge,
  scopes: readonly string[],
  auth: RegistryAuth | undefined,
  offline: boolean,
): TokenRequest {
  const { realm = '', service } = challenge.parameters;
  if (!URL.canParse(realm))
    throw new RegistryError('credentials', 'no realm specified for token auth challenge');
  const url = new URL(realm);
  if (auth?.identitytoken !== undefined && auth.identitytoken !== '') {
    const form = new URLSearchParams({
      client_id: clientId,
      grant_type: 'refresh_token',
      refresh_token: auth.identitytoken,
      ...(service !== undefined && { service }),
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    });
    return {
      method: 'POST',
      url: url.href,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    };
  }
  if (service !== undefined) url.searchParams.append('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (offline) {
    url.searchParams.append('offline_token', 'true');
    url.searchParams.append('client_id', clientId);
  }
  if (!hasPassword(auth)) return { method: 'GET', url: url.href, headers: {} };
  url.searchParams.append('account', auth.username!);
  return { method: 'GET', url: url.href, headers: { authorization: basic(auth) } };
}

interface TokenAnswer {
  token: string;
  lifetimeSeconds: number;
  refreshToken: string | undefined;
}

/** Reads the authorization server's answer. */
export function parseToken(answer: unknown): TokenAnswer {
  const fields = Object(answer) as Record<string, unknown>;
  const token = [fields.token, fields.access_token].find(
    (value) => typeof value === 'string' && value !== '',
  );
  if (typeof token !== 'string' || /[\r\n]/.test(token))
    throw new RegistryError('credentials', 'authorization server did not include a token in the response');
  const { expires_in: expiresIn, refresh_token: refreshToken } = fields;
  return {
    token,
    lifetimeSeconds:
      typeof expiresIn === 'number' && expiresIn >= defaultLifetimeSeconds
        ? expiresIn
        : defaultLifetimeSeconds,
    refreshToken: typeof refreshToken === 'string' && refreshToken !== '' ? refreshToken : undefined,
  };
}

/** `offline`: also ask for a refresh token. */
export function createAuthorizer(
  challenges: readonly Challenge[],
  auth: RegistryAuth | undefined,
  fetchToken: FetchToken,
  offline = false,
): Authorizer {
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  const wantsBasic = challenges.some(({ scheme }) => scheme === 'basic');
  const cache = new Map<string, { value: Promise<TokenAnswer>; untilMs: number }>();
  let identityToken: string | undefined;

  const fetch = async (scopes: readonly string[]): Promise<TokenAnswer> => {
    const answer = parseToken(await fetchToken(tokenRequest(bearer!, scopes, auth, offline)));
    identityToken = answer.refreshToken ?? identityToken;
    return answer;
  };

  return {
    get identityToken() {
      return identityToken;
    },
    invalidate: (scopes) => void cache.delete(scopes.join(' ')),
    async header(scopes) {
      if (bearer === undefined) {
        if (!wantsBasic) return undefined;
        if (!hasPassword(auth)) throw noCredentials();
        return basic(auth);
      }
      if (auth?.registrytoken !== undefined && auth.registrytoken !== '')
        return `Bearer ${auth.registrytoken}`;
      const key = scopes.join(' ');
      let entry = cache.get(key);
      if (entry === undefined || entry.untilMs < performance.now()) {
        const made = { value: fetch(scopes), untilMs: Number.POSITIVE_INFINITY };
        entry = made;
        cache.set(key, made);
        made.value.then(
          ({ lifetimeSeconds }) => {
            made.untilMs = performance.now() + (lifetimeSeconds - marginSeconds) * 1000;
          },
          () => {
            if (cache.get(key) === made) cache.delete(key);
          },
        );
      }
      return `Bearer ${(await entry.value).token}`;
    },
  };
}
