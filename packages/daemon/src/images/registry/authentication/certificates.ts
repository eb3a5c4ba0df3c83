/**
 * TLS material of a registry: certificate authorities and client certificates, as Docker lays them out.
 *
 * In: `certs.d/<host[:port]>/` with `*.crt`, `<name>.cert` and `<name>.key`. Out: options of a TLS connection. May
 * import: errors.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { DaemonError, errnoOf } from '../../../errors.js';

export interface TlsMaterial {
  /** PEM; absent: what Node trusts. */
  ca?: string[];
  cert?: string[];
  key?: string[];
}

/** Both are read: Docker's so that what works with dockerd works here. */
export const certificateDirectories = ['/etc/noos/certs.d', '/etc/docker/certs.d'];

/** Where distributions keep the host's authorities (Go's crypto/x509 root_linux.go). */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function systemAuthorities(): Promise<string[]> {
  for (const path of [process.env.SSL_CERT_FILE, ...systemBundles]) {
    const bundle = path === undefined ? undefined : await readIfThere(path);
    if (bundle !== undefined) return [bundle];
  }
  return [...rootCertificates];
}

async function readDirectory(path: string): Promise<{ ca: string[]; cert: string[]; key: string[] }> {
  const found: { ca: string[]; cert: string[]; key: string[] } = { ca: [], cert: [], key: [] };
  const names = await readdir(path).catch((error: unknown): string[] => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  });
  for (const name of names.sort()) {
    if (name.endsWith('.crt')) found.ca.push(await readFile(join(path, name), 'utf8'));
    const partner = name.endsWith('.cert')
      ? `${name.slice(0, -'.cert'.length)}.key`
      : name.endsWith('.key')
        ? `${name.slice(0, -'.key'.length)}.cert`
        : undefined;
    if (partner === undefined) continue;
    if (!names.includes(partner))
      throw new DaemonError(
        'system',
        name.endsWith('.cert')
          ? `missing key ${partner} for client certificate ${name}. CA certificates must use the extension .crt`
          : `missing client certificate ${partner} for key ${name}`,
      );
    if (!name.endsWith('.cert')) continue;
    found.cert.push(await readFile(join(path, name), 'utf8'));
    found.key.push(await readFile(join(path, partner), 'utf8'));
  }
  return found;
}

/** What to trust and to show towards `host[:port]`. */
export async function tlsMaterial(
  host: string,
  directories: readonly string[] = certificateDirectories,
): Promise<TlsMaterial> {
  const material: Required<TlsMaterial> = { ca: await systemAuthorities(), cert: [], key: [] };
  for (const directory of directories) {
    const { ca, cert, key } = await readDirectory(join(directory, host));
    material.ca.push(...ca);
    material.cert.push(...cert);
    material.key.push(...key);
  }
  return material.cert.length > 0 ? material : { ca: material.ca };
}
