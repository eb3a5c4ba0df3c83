/**
 * One operation on a registry: its endpoints are tried in order until one answers.
 *
 * In: how registries are reached, a registry's name, what to do with a connection. Out: its result, or the last error. May import: files beside.
 */
import type { Logger } from '../../../log.js';
import type { RegistryAuth } from '../../types.js';
import { type Connection, connect } from './connection.js';
import { type Endpoint, endpointsOf, type RegistryConfig } from './endpoints.js';
import { RegistryError, worthAnotherEndpoint } from './errors.js';

/** How this host reaches registries: the same for every operation. */
export interface RegistryAccess {
  config(): RegistryConfig;
  log: Logger;
  /** Absent: /etc/docker/certs.d and the like. */
  certificateDirectories?: readonly string[] | undefined;
}

export interface Operation {
  registry: string;
  purpose: 'pull' | 'push';
  auth: RegistryAuth | undefined;
  signal: AbortSignal;
  /** Ask for a token that outlives the password (`docker login`). */
  offline?: boolean;
}

/** Credentials are for the registry they were given for, never for a mirror. */
const authFor = (endpoint: Endpoint, auth: RegistryAuth | undefined): RegistryAuth | undefined =>
  endpoint.mirror ? undefined : auth;

/** Runs `use` with a connection that is closed afterwards. */
export async function onRegistry<T>(
  { config, log, certificateDirectories }: RegistryAccess,
  { registry, purpose, auth, signal, offline }: Operation,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const speaksTls = new Set<string>();
  let last: unknown = new RegistryError('transport', `no endpoints found for ${registry}`);
  for (const endpoint of await endpointsOf(registry, config(), purpose)) {
    const { host, protocol } = new URL(endpoint.url);
    // A registry that answered over TLS is never asked again in clear.
    if (protocol === 'http:' && speaksTls.has(host)) continue;
    let connection: Connection | undefined;
    try {
      connection = await connect(endpoint, {
        auth: authFor(endpoint, auth),
        signal,
        certificateDirectories,
        ...(offline !== undefined && { offline }),
      });
      if (protocol === 'https:') speaksTls.add(host);
      return await use(connection);
    } catch (error) {
      if (signal.aborted || !worthAnotherEndpoint(error, endpoint.mirror)) throw error;
      last = error;
      log.info({ endpoint: endpoint.url, error: (error as Error).message }, 'trying next endpoint');
    } finally {
      await connection?.close();
    }
  }
  throw last;
}
