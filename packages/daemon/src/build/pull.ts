/**
 * Fetches base images, with the credentials that belong to their registry.
 *
 * In: a reference of FROM. Out: an image that is here. May import: images.
 */
import { familiarString, parseReference, withDefaultTag } from '../images/documents/reference.js';
import type { ImageTransfer } from '../images/transfer.js';
import type { Images, RegistryAuth } from '../images/types.js';
import type { PullImage } from './types.js';

/** Docker Hub's credentials are kept under its old name (registry.IndexServer). */
const hubKeys = ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io'];

/** What the client sent for a registry: under its host, or a URL of it. */
export function authFor(
  auths: Readonly<Record<string, RegistryAuth>>,
  domain: string,
): RegistryAuth | undefined {
  const hosts = domain === 'docker.io' ? hubKeys : [domain];
  for (const host of hosts) if (Object.hasOwn(auths, host)) return auths[host];
  const key = Object.keys(auths).find((name) =>
    hosts.includes(name.replace(/^https?:\/\//, '').replace(/\/.*$/, '')),
  );
  return key === undefined ? undefined : auths[key];
}

export const createPullImage =
  (transfer: Pick<ImageTransfer, 'pull'>, images: Pick<Images, 'get'>): PullImage =>
  async (name, { platform, auths, report, signal, holds }) => {
    const reference = withDefaultTag(parseReference(name));
    await transfer.pull({
      reference,
      platform,
      auth: authFor(auths, reference.domain),
      report,
      signal,
      holds,
    });
    return images.get(familiarString(reference));
  };
