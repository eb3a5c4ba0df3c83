/**
 * A registry of npm packages on loopback: the tarballs of `npm run pack`, and for what they depend on, tarballs of what
 * is installed in this workspace. It never asks another registry.
 *
 * In: a directory of tarballs. Out: an address for npm's `registry` setting. May import: node's own modules.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Package {
  manifest: { name: string; version: string };
  tarball(): Buffer;
}

export interface Registry {
  url: string;
  /** Names that were asked for and are not here. */
  readonly missing: ReadonlySet<string>;
  close(): void;
}

const largestTarballBytes = 2 ** 28;
const tar = (...words: string[]): Buffer =>
  execFileSync('tar', words, { maxBuffer: largestTarballBytes, stdio: ['ignore', 'pipe', 'inherit'] });

/** A release's package, from its tarball. */
function packed(path: string): Package {
  const manifest = JSON.parse(String(tar('-xzOf', path, 'package/package.json'))) as Package['manifest'];
  return { manifest, tarball: () => readFileSync(path) };
}

/** An installed package as the tarball that it came in, but for what its install script has changed. */
function installed(folder: string): Package | undefined {
  const path = join(folder, 'package.json');
  if (!existsSync(path)) return undefined;
  const manifest = JSON.parse(readFileSync(path, 'utf8')) as Package['manifest'];
  let bytes: Buffer | undefined;
  const make = () =>
    tar(
      '-I',
      'gzip -1',
      '-cf',
      '-',
      '--exclude=./node_modules',
      '--transform=s,^\\.,package,',
      '-C',
      folder,
      '.',
    );
  return {
    manifest,
    tarball: () => {
      bytes ??= make();
      return bytes;
    },
  };
}

/**
 * Serves `tarballs` (a directory) and, for other names, what is in `modules` (a node_modules); tarballs of those in
 * `ahead` are made before it answers.
 */
export async function startRegistry(
  tarballs: string,
  modules: string,
  ahead: readonly string[],
): Promise<Registry> {
  const own = new Map(
    readdirSync(tarballs)
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => packed(join(tarballs, name)))
      .map((found) => [found.manifest.name, found] as const),
  );
  const others = new Map<string, Package | undefined>();
  const missing = new Set<string>();
  const find = (name: string): Package | undefined => {
    if (own.has(name)) return own.get(name);
    // A workspace's own packages are links there: what is not packed is not published.
    if (name.startsWith('@noos/') || name.includes('..')) return undefined;
    if (!others.has(name)) others.set(name, installed(join(modules, name)));
    return others.get(name);
  };

  /** The packument: https://github.com/npm/registry/blob/main/docs/responses/package-metadata.md */
  const metadata = ({ manifest, tarball }: Package) => {
    const { name, version } = manifest;
    const dist = {
      tarball: `${url}${name}/-/${version}.tgz`,
      integrity: `sha512-${createHash('sha512').update(tarball()).digest('base64')}`,
    };
    return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
  };
  function answer(path: string, response: ServerResponse): void {
    const [name = '', file] = path.slice(1).split('/-/');
    const found = find(name);
    if (found === undefined) {
      missing.add(name);
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"not found"}');
    } else if (file === undefined)
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata(found)));
    else response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(found.tarball());
  }
  const server = createServer((request, response) =>
    answer(decodeURIComponent(new URL(request.url ?? '/', url).pathname), response),
  );
  for (const name of ahead) find(name)?.tarball();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    missing,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
