/**
 * `docker login` and `docker manifest`-like looks at a registry without pulling.
 *
 * In: credentials, references. Out: an identity token; descriptor and platforms. May import: files beside.
 */
import { STATUS_CODES } from 'node:http';
import { DaemonError } from '../../../errors.js';
import { configLimitBytes } from '../../documents/image-config.js';
import { parseManifest } from '../../documents/manifest.js';
import { fullString, type Reference, withDefaultTag } from '../../documents/reference.js';
import type { Descriptor, Platform, RegistryAuth } from '../../types.js';
import { RegistryError } from '../client/errors.js';
import { onRegistry, type RegistryAccess } from '../client/operation.js';
import { openRepository } from '../client/repository.js';

const asDaemonError = (error: unknown): unknown => {
  if (!(error instanceof RegistryError)) return error;
  const kind = error.code === 'UNAUTHORIZED' || error.code === 'DENIED' ? 'unauthorized' : 'system';
  return new DaemonError(kind, error.message, { cause: error });
};

/** `https://index.docker.io/v1/` or `localhost:5000` → the registry's name. */
export function registryOfAddress(address: string | undefined): string {
  if (address === undefined || address === '') return 'docker.io';
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(url)) throw new DaemonError('invalid', 'unable to parse server address');
  // URL.host drops https's port; the name of the registry keeps it.
  const host = url.replace(/^https?:\/\//, '').split('/')[0]!;
  return host === 'index.docker.io' ? 'docker.io' : host;
}

/** Checks the credentials; the token, when the registry gives one, replaces the password. */
export async function login(
  access: RegistryAccess,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<string> {
  const registry = registryOfAddress(auth.serveraddress);
  try {
    const operation = { registry, purpose: 'push' as const, auth, signal, offline: true };
    return await onRegistry(access, operation, async (connection) => {
      const response = await connection.request({
        method: 'GET',
        url: '/v2/',
        accept: [400, 401, 403, 404, 429, 500, 502, 503],
      });
      response.body.resume();
      if (response.status !== 200)
        throw new RegistryError(
          'api',
          `login attempt to ${connection.endpoint.url}/v2/ failed with status: ${response.status} ${STATUS_CODES[response.status]}`,
          response.status === 401 ? 'UNAUTHORIZED' : undefined,
          response.status,
        );
      return connection.identityToken ?? '';
    });
  } catch (error) {
    signal.throwIfAborted();
    throw asDaemonError(error);
  }
}

/** API: DistributionInspect. */
export async function inspectDistribution(
  access: RegistryAccess,
  given: Reference,
  auth: RegistryAuth | undefined,
  signal: AbortSignal,
): Promise<{ Descriptor: Descriptor; Platforms: Platform[] }> {
  const reference = withDefaultTag(given);
  try {
    const operation = { registry: reference.domain, purpose: 'pull' as const, auth, signal };
    return await onRegistry(access, operation, async (connection) => {
      const repository = openRepository(connection, reference.path, 'pull');
      const source = reference.digest ?? (await repository.resolve(reference.tag!, signal)).digest;
      const { bytes, mediaType, digest } = await repository.manifest(source, signal);
      const manifest = parseManifest(bytes, mediaType, fullString(reference));
      const descriptor = { mediaType: manifest.mediaType, digest, size: bytes.length };
      if (manifest.kind === 'index')
        return {
          Descriptor: descriptor,
          Platforms: manifest.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform])),
        };
      const { os, architecture, variant } = JSON.parse(
        (await repository.smallBlob(manifest.config, configLimitBytes, signal)).toString(),
      ) as Partial<Platform>;
      const platform = { architecture: architecture ?? '', os: os ?? '', ...(variant && { variant }) };
      return { Descriptor: descriptor, Platforms: os || architecture ? [platform] : [] };
    });
  } catch (error) {
    signal.throwIfAborted();
    throw asDaemonError(error);
  }
}
