/**
 * `docker search`: Docker's search endpoint where there is one, the catalog of a plain registry elsewhere.
 *
 * In: a term, filters. Out: results as the API lists them. May import: errors, filters, files beside.
 */
import { DaemonError } from '../../../errors.js';
import { booleanFilter, checkFilters, type Filters } from '../../../protocol/filters.js';
import type { RegistryAuth } from '../../types.js';
import { type Connection, connect, readBody } from './connection.js';
import { isInsecure } from './endpoints.js';
import { RegistryError } from './errors.js';
import type { RegistryAccess } from './operation.js';
import { collectPages } from './repository.js';

/** API: ImageSearchResponseItem. */
export interface SearchResult {
  name: string;
  description: string;
  star_count: number;
  is_official: boolean;
  is_automated: false;
}

export interface SearchRequest {
  term: string;
  /** 0: the default. */
  limit: number;
  filters: Filters;
  auth: RegistryAuth | undefined;
  signal: AbortSignal;
}

const defaultLimit = 25;
const largestLimit = 100;
const hub = { name: 'docker.io', url: 'https://index.docker.io' };

/** `localhost:5000/web` → the registry and what to look for there. */
export function splitTerm(term: string): { registry: string; query: string } {
  const slash = term.indexOf('/');
  const first = slash === -1 ? '' : term.slice(0, slash);
  if (first === '' || (!/[.:]/.test(first) && first !== 'localhost'))
    return { registry: hub.name, query: term.replace(/^library\//, '') };
  const registry = first === 'index.docker.io' ? hub.name : first;
  const query = term.slice(slash + 1);
  return { registry, query: registry === hub.name ? query.replace(/^library\//, '') : query };
}

/** Keeps what the filters let through (`is-official`, `stars`; `is-automated` is no more). */
export function filterResults(results: readonly SearchResult[], filters: Filters): SearchResult[] {
  checkFilters(filters, ['is-automated', 'is-official', 'stars']);
  if (booleanFilter(filters, 'is-automated', false)) return [];
  const official = filters.has('is-official') ? booleanFilter(filters, 'is-official', false) : undefined;
  const stars = (filters.get('stars') ?? []).map((value) => {
    if (!/^-?\d{1,9}$/.test(value))
      throw new DaemonError(
        'invalid',
        `invalid filter 'stars=${value}': strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`,
      );
    return Number(value);
  });
  const least = Math.max(0, ...stars);
  return results.filter(
    (result) => (official === undefined || result.is_official === official) && result.star_count >= least,
  );
}

function parseResults(bytes: Buffer): SearchResult[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
  const { results } = Object(document) as { results?: unknown };
  if (!Array.isArray(results)) return undefined;
  return results.flatMap((entry: unknown) => {
    const {
      name,
      description,
      star_count: stars,
      is_official: official,
    } = Object(entry) as Record<string, unknown>;
    if (typeof name !== 'string') return [];
    return [
      {
        name,
        description: typeof description === 'string' ? description : '',
        star_count: typeof stars === 'number' ? stars : 0,
        is_official: official === true,
        is_automated: false as const,
      },
    ];
  });
}

async function searchAt(
  connection: Connection,
  registry: string,
  query: string,
  limit: number,
  signal: AbortSignal,
) {
  const parameters = new URLSearchParams({ q: query, n: String(limit) });
  const response = await connection.request({
    method: 'GET',
    url: `/v1/search?${parameters}`,
    signal,
    accept: [400, 401, 403, 404, 405, 410],
  });
  const found = response.status === 200 ? parseResults(await readBody(response.body)) : undefined;
  if (found !== undefined) return found;
  response.body.resume();
  if (registry === hub.name)
    throw new RegistryError(
      'status',
      `unexpected status code ${response.status}`,
      undefined,
      response.status,
    );
  const names = await collectPages(
    connection,
    '/v2/_catalog?n=1000',
    'repositories',
    ['registry:catalog:*'],
    signal,
  );
  return names
    .filter((name) => name.includes(query))
    .map((name): SearchResult => {
      const full = `${registry}/${name}`;
      return { name: full, description: '', star_count: 0, is_official: false, is_automated: false };
    });
}

/** Best matches as the registry orders them. */
export async function search(
  { config, certificateDirectories }: RegistryAccess,
  { term, limit, filters, auth, signal }: SearchRequest,
): Promise<SearchResult[]> {
  filterResults([], filters);
  const wanted = limit === 0 ? defaultLimit : limit;
  if (term.includes('://'))
    throw new DaemonError(
      'invalid',
      `invalid repository name: repository name (${term}) should not have a scheme`,
    );
  if (wanted < 1 || wanted > largestLimit)
    throw new DaemonError('invalid', `limit ${limit} is outside the range of [1, ${largestLimit}]`);
  const { registry, query } = splitTerm(term);
  const insecure = await isInsecure(registry, config());
  const urls =
    registry === hub.name ? [hub.url] : [`https://${registry}`, ...(insecure ? [`http://${registry}`] : [])];
  let last: unknown;
  for (const url of urls) {
    let connection: Connection | undefined;
    try {
      const endpoint = { url, mirror: false, insecure };
      connection = await connect(endpoint, { auth, signal, certificateDirectories });
      const results = await searchAt(connection, registry, query, wanted, signal);
      return filterResults(results, filters).slice(0, wanted);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof RegistryError)) throw error;
      last = error;
      if (error.kind !== 'transport') break;
    } finally {
      await connection?.close();
    }
  }
  throw new DaemonError('system', (last as Error).message, { cause: last });
}
