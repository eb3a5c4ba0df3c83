/**
 * One operation on a registry: its endpoints are tried in order until one answers.
 *
 * In: a registry's name, what to do with a connection. Out: its result, or the last error. May import: files beside.
 */
import type { Logger } from '../../log.js';
import type { RegistryAuth } from '../types.js';
import { type Connection, connect } from './connection.js';
import { type Endpoint, endpointsOf, type RegistryConfig } from './endpoints.js';
import { RegistryError, worthAnotherEndpoint } from './errors.js';

export interface OperationOptions {
  config: RegistryConfig;
  registry: string;
  purpose: 'pull' | 'push';
  auth?: RegistryAuth | undefined;
  signal: AbortSignal;
  log: Logger;
  offline?: boolean;
  certificateDirectories?: readonly string[] | undefined;
}

/** Credentials are for the registry they were given for, never for a mirror. */
const authFor = (endpoint: Endpoint, auth: RegistryAuth | undefined): RegistryAuth | undefined =>
  endpoint.mirror ? undefined : auth;

/** Runs `use` with a connection that is closed afterwards. */
export async function onRegistry<T>(
  options: OperationOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { config, registry, purpose, auth, signal, log, offline, certificateDirectories } = options;
  const speaksTls = new Set<string>();
  let last: unknown = new RegistryError('transport', `no endpoints found for ${registry}`);
  for (const endpoint of await endpointsOf(registry, config, purpose)) {
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
