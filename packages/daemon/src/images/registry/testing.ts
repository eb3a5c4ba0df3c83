/**
 * A registry for tests: keeps blobs and manifests in memory and misbehaves as told.
 *
 * In: HTTP. Out: the OCI distribution API, with faults. May import: node only.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => boolean | Promise<boolean>;

export interface FakeRegistry {
  /** `127.0.0.1:<port>`. */
  readonly host: string;
  readonly blobs: Map<string, Buffer>;
  /** `name:reference` → document and type. */
  readonly manifests: Map<string, { bytes: Buffer; type: string }>;
  /** `METHOD path` of every request, with what was in Authorization. */
  readonly requests: { line: string; authorization: string | undefined; range: string | undefined }[];
  /** Asked before anything else; true: it has answered. */
  intercept: Handler | undefined;
  close(): Promise<void>;
}

export const sha256 = (bytes: Uint8Array): `sha256:${string}` =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const readAll = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const refuse = (response: ServerResponse, status: number, code: string, message: string): true => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ code, message }] }));
  return true;
};

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { bytes: Buffer; type: string }>();
  const requests: FakeRegistry['requests'] = [];
  const uploads = new Map<string, Buffer>();

  const serveManifest = async (
    request: IncomingMessage,
    response: ServerResponse,
    name: string,
    key: string,
  ) => {
    if (request.method === 'PUT') {
      const bytes = await readAll(request);
      const entry = { bytes, type: String(request.headers['content-type']) };
      manifests.set(`${name}:${key}`, entry);
      manifests.set(`${name}:${sha256(bytes)}`, entry);
      response.writeHead(201, { 'docker-content-digest': sha256(bytes) }).end();
      return;
    }
    const found = manifests.get(`${name}:${key}`);
    if (found === undefined) return void refuse(response, 404, 'MANIFEST_UNKNOWN', 'manifest unknown');
    response.writeHead(200, {
      'content-type': found.type,
      'content-length': found.bytes.length,
      'docker-content-digest': sha256(found.bytes),
    });
    response.end(request.method === 'HEAD' ? undefined : found.bytes);
  };

  const serveBlob = (request: IncomingMessage, response: ServerResponse, digest: string) => {
    const bytes = blobs.get(digest);
    if (bytes === undefined) return void refuse(response, 404, 'BLOB_UNKNOWN', 'blob unknown to registry');
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const part = bytes.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': part.length,
      ...(start > 0 && { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.end(request.method === 'HEAD' ? undefined : part);
  };

  const serveUpload = async (
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    name: string,
    id: string,
  ) => {
    if (request.method === 'POST') {
      const mount = url.searchParams.get('mount');
      if (mount !== null && blobs.has(mount)) return void response.writeHead(201).end();
      const session = String(uploads.size + 1);
      uploads.set(session, Buffer.alloc(0));
      return void response.writeHead(202, { location: `/v2/${name}/blobs/uploads/${session}` }).end();
    }
    const bytes = Buffer.concat([uploads.get(id) ?? Buffer.alloc(0), await readAll(request)]);
    uploads.set(id, bytes);
    if (request.method === 'PATCH')
      return void response.writeHead(202, { location: `/v2/${name}/blobs/uploads/${id}?state=1` }).end();
    const digest = url.searchParams.get('digest');
    if (digest !== sha256(bytes))
      return void refuse(response, 400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
    blobs.set(digest, bytes);
    response.writeHead(201).end();
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://registry');
    requests.push({
      line: `${request.method} ${url.pathname}`,
      authorization: request.headers.authorization,
      range: request.headers.range,
    });
    if (registry.intercept !== undefined && (await registry.intercept(request, response, url))) return;
    if (url.pathname === '/v2/') return void response.writeHead(200).end('{}');
    if (url.pathname === '/v2/_catalog') {
      const names = [...new Set([...manifests.keys()].map((key) => key.split(':')[0]))];
      return void response.end(JSON.stringify({ repositories: names }));
    }
    const manifest = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(url.pathname);
    if (manifest !== null) return serveManifest(request, response, manifest[1]!, manifest[2]!);
    const upload = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(url.pathname);
    if (upload !== null) return serveUpload(request, response, url, upload[1]!, upload[2]!);
    const blob = /^\/v2\/.+\/blobs\/(sha256:[0-9a-f]{64})$/.exec(url.pathname);
    if (blob !== null) return serveBlob(request, response, blob[1]!);
    const tags = /^\/v2\/(.+)\/tags\/list$/.exec(url.pathname);
    if (tags !== null) {
      const prefix = `${tags[1]}:`;
      const list = [...manifests.keys()]
        .filter((key) => key.startsWith(prefix) && !key.includes('sha256:'))
        .map((key) => key.slice(prefix.length));
      return void response.end(JSON.stringify({ name: tags[1], tags: list }));
    }
    refuse(response, 404, 'UNSUPPORTED', 'no such route');
  };

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const registry: FakeRegistry = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    manifests,
    requests,
    intercept: undefined,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return registry;
}

/** Puts an image of these uncompressed layers into the registry; returns its manifest. */
export function addImage(
  { blobs, manifests }: Pick<FakeRegistry, 'blobs' | 'manifests'>,
  name: string,
  tag: string,
  tars: readonly Buffer[],
  change: {
    config?: Record<string, unknown>;
    layerType?: string;
    manifest?: Record<string, unknown>;
    compress?: (tar: Buffer) => Buffer;
  } = {},
) {
  const blob = (bytes: Buffer, mediaType: string) => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, size: bytes.length, digest };
  };
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['sh'], Labels: { made: 'here' } },
      rootfs: { type: 'layers', diff_ids: tars.map(sha256) },
      ...change.config,
    }),
  );
  const layerType = change.layerType ?? 'application/vnd.docker.image.rootfs.diff.tar.gzip';
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: blob(config, 'application/vnd.docker.container.image.v1+json'),
    layers: tars.map((tar) => blob((change.compress ?? gzipSync)(tar), layerType)),
    ...change.manifest,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  const entry = { bytes, type: manifest.mediaType };
  manifests.set(`${name}:${tag}`, entry);
  manifests.set(`${name}:${sha256(bytes)}`, entry);
  return { digest: sha256(bytes), size: bytes.length, ...manifest };
}
