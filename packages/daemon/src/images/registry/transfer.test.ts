import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endOfArchive, formatEntry, zeros } from '../../archive/create.js';
import { createLayout } from '../../layout.js';
import { createLogger } from '../../log.js';
import type { ProgressMessage } from '../../progress.js';
import { parseReference } from '../reference.js';
import { openImageStore } from '../store.js';
import type { RegistryAuth } from '../types.js';
import { inspectDistribution, login } from './account.js';
import { createBlobRecords } from './blob-records.js';
import { createLimiter } from './limiter.js';
import { parsePlatform } from './platform.js';
import { pull } from './pull.js';
import { push } from './push.js';
import { search } from './search.js';
import { addImage, type FakeRegistry, sha256, startFakeRegistry } from './testing.js';
import { createTransfers } from './transfers.js';

const tarOf = (files: Record<string, Buffer | string>): Buffer =>
  Buffer.concat([
    ...Object.entries(files).flatMap(([name, content]) => {
      const bytes = Buffer.from(content as string);
      const header = { name, mode: 0o644, uid: 0, gid: 0, size: bytes.length, modifiedNs: 0n, type: '0' };
      return [
        formatEntry({ ...header, linkName: '', deviceMajor: 0, deviceMinor: 0 }),
        bytes,
        zeros(bytes.length),
      ];
    }),
    endOfArchive,
  ]);

const log = createLogger('fatal');

async function setUp(t: TestContext, mirrors: string[] = []) {
  const directory = mkdtempSync(join(tmpdir(), 'noos-registry-'));
  const registry = await startFakeRegistry();
  t.after(async () => {
    await registry.close();
    rmSync(directory, { recursive: true });
  });
  const events: string[] = [];
  const layout = createLayout(join(directory, 'data'), join(directory, 'run'));
  const store = await openImageStore({
    layout,
    log,
    events: {
      publish: (type, action, { ID }) => events.push(`${type} ${action} ${ID.replace(registry.host, 'R')}`),
    },
  });
  const retry = { attempts: 3, unitMs: 1 };
  const records = await createBlobRecords(join(directory, 'blobs.json'));
  const parts = {
    ...store,
    log,
    events: {
      publish: (type: string, action: string, { ID }: { ID: string }) =>
        void events.push(`${type} ${action} ${ID.replace(registry.host, 'R')}`),
    },
    records,
    retry,
    transfers: createTransfers({ ...store, downloads: createLimiter(() => 3), retry }),
    uploads: createLimiter(() => 5),
    config: () => ({ mirrors, insecureRegistries: [] }),
    certificateDirectories: [],
  };
  const shown: ProgressMessage[] = [];
  const request = (
    name: string,
    options: { auth?: RegistryAuth; platform?: string; signal?: AbortSignal } = {},
  ) => ({
    reference: parseReference(`${registry.host}/${name}`),
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    auth: options.auth,
    report: (message: ProgressMessage) => void shown.push(message),
    signal: options.signal ?? new AbortController().signal,
  });
  const graph = join(layout.layers, 'graph');
  return {
    registry,
    events,
    parts,
    shown,
    request,
    texts: () => shown.map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`)),
    pull: (name: string, options?: Parameters<typeof request>[1]) => pull(parts, request(name, options)),
    push: (name: string, options?: Parameters<typeof request>[1]) => push(parts, request(name, options)),
    /** Nothing half-made: no staged layers, no partial downloads. */
    leftovers: () => [
      ...readdirSync(join(layout.layers, 'tmp')),
      ...(existsSync(join(layout.content, 'partial')) ? readdirSync(join(layout.content, 'partial')) : []),
    ],
    layersOnDisk: () => readdirSync(graph).length,
  };
}

const withToken = (
  registry: FakeRegistry,
  accept: (authorization: string | undefined) => boolean,
): { tokens: URL[] } => {
  const seen = { tokens: [] as URL[] };
  registry.intercept = (request, response, url) => {
    if (url.pathname === '/token') {
      seen.tokens.push(url);
      if (!accept(request.headers.authorization)) {
        response.writeHead(401, { 'content-type': 'application/json' });
        response.end('{"errors":[{"code":"UNAUTHORIZED","message":"incorrect username or password"}]}');
      } else
        response.end(
          JSON.stringify({
            token: `for ${url.searchParams.getAll('scope').join(' ')}`,
            refresh_token: 'again',
          }),
        );
      return true;
    }
    if (request.headers.authorization?.startsWith('Bearer for')) return false;
    response.writeHead(401, {
      'www-authenticate': `Bearer realm="http://${registry.host}/token",service="fake"`,
      'content-type': 'application/json',
    });
    response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
    return true;
  };
  return seen;
};

test('a pull brings layers, names and messages; a second one finds everything', async (t) => {
  const { registry, pull, parts, texts, shown, events, leftovers } = await setUp(t);
  const shared = tarOf({ same: 'in both places' });
  const image = addImage(registry, 'team/app', '1', [
    tarOf({ a: 'x'.repeat(5000) }),
    shared,
    tarOf({ b: 'b' }),
    shared,
  ]);
  await pull('team/app:1');
  const found = parts.images.get(`${registry.host}/team/app:1`);
  assert.equal(found.id, image.config.digest);
  assert.deepEqual(found.digests, [`${registry.host}/team/app@${image.digest}`]);
  assert.equal(found.chain.length, 4);
  const short = (i: number): string => image.layers[i]!.digest.slice(7, 19);
  const said = texts().filter((text) => !/Downloading|Extracting|Waiting/.test(text ?? ''));
  assert.deepEqual(said.slice(0, 4), [
    '1: Pulling from team/app',
    ...[0, 1, 2].map((i) => `${short(i)}: Pulling fs layer`),
  ]);
  for (const i of [0, 1, 2])
    assert.deepEqual(
      said.filter((text) => text?.startsWith(short(i))),
      [
        `${short(i)}: Pulling fs layer`,
        `${short(i)}: Verifying Checksum`,
        `${short(i)}: Download complete`,
        `${short(i)}: Pull complete`,
      ],
    );
  assert.deepEqual(said.slice(-2), [
    `Digest: ${image.digest}`,
    `Status: Downloaded newer image for ${registry.host}/team/app:1`,
  ]);
  assert.equal(registry.requests.filter(({ line }) => line.includes(image.layers[1]!.digest)).length, 1);
  assert.ok(events.includes('image pull R/team/app:1'));
  assert.deepEqual(leftovers(), []);
  shown.length = 0;
  await pull('team/app:1');
  assert.deepEqual(texts(), [
    '1: Pulling from team/app',
    `Digest: ${image.digest}`,
    `Status: Image is up to date for ${registry.host}/team/app:1`,
  ]);
});

test('by digest, all tags, and layers that another image brought', async (t) => {
  const { registry, pull, parts, texts } = await setUp(t);
  const base = tarOf({ base: 'base' });
  const one = addImage(registry, 'app', 'one', [base]);
  addImage(registry, 'app', 'two', [base, tarOf({ two: '2' })]);
  await pull(`app@${one.digest}`);
  assert.deepEqual(parts.images.list()[0]!.tags, []);
  assert.equal(texts()[0], `${registry.host}/app@${one.digest}: Pulling from app`);
  await pull('app');
  assert.deepEqual(
    parts.images
      .list()
      .flatMap(({ tags }) => tags)
      .sort(),
    [`${registry.host}/app:one`, `${registry.host}/app:two`],
  );
  assert.ok(texts().includes(`${one.layers[0]!.digest.slice(7, 19)}: Already exists`));
  assert.equal(texts().at(-1), `Status: Downloaded newer image for ${registry.host}/app`);
});

test('two pulls at once share every layer', async (t) => {
  const { registry, pull, parts, leftovers } = await setUp(t);
  const image = addImage(registry, 'app', '1', [
    tarOf({ a: randomBytes(300_000) }),
    tarOf({ b: randomBytes(300_000) }),
  ]);
  await Promise.all([pull('app:1'), pull('app:1')]);
  assert.equal(parts.images.list().length, 1);
  for (const { digest } of image.layers)
    assert.equal(registry.requests.filter(({ line }) => line === `GET /v2/app/blobs/${digest}`).length, 1);
  assert.deepEqual(leftovers(), []);
});

test('a line that drops in the midst of a layer is taken up where it broke', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const image = addImage(registry, 'app', '1', [tarOf({ big: randomBytes(400_000) })]);
  const { digest } = image.layers[0]!;
  let drops = 0;
  registry.intercept = (request, response, url) => {
    if (!url.pathname.endsWith(digest) || drops >= 4) return false;
    drops++;
    const start = Number(/=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const bytes = registry.blobs.get(digest)!.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': bytes.length,
      ...(start > 0 && {
        'content-range': `bytes ${start}-${start + bytes.length - 1}/${start + bytes.length}`,
      }),
    });
    response.write(bytes.subarray(0, 70_000), () => setTimeout(() => response.destroy(), 20));
    return true;
  };
  await pull('app:1');
  assert.equal(drops, 4);
  const ranges = registry.requests.filter(({ line }) => line.endsWith(digest)).map(({ range }) => range);
  assert.equal(ranges[0], undefined);
  assert.ok(
    ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? '')),
    ranges.join(),
  );
  assert.equal(parts.images.list().length, 1);
});

test('a registry that ignores ranges is read again from the start', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const { digest } = addImage(registry, 'app', '1', [tarOf({ big: randomBytes(200_000) })]).layers[0]!;
  let dropped = false;
  registry.intercept = (_request, response, url) => {
    if (!url.pathname.endsWith(digest)) return false;
    const bytes = registry.blobs.get(digest)!;
    response.writeHead(200, { 'content-length': bytes.length });
    if (dropped) response.end(bytes);
    else response.write(bytes.subarray(0, 90_000), () => setTimeout(() => response.destroy(), 20));
    dropped = true;
    return true;
  };
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
});

test('a resumed layer that came out wrong is fetched once more, whole', async (t) => {
  const { registry, pull, parts, leftovers } = await setUp(t);
  const { digest } = addImage(registry, 'app', '1', [tarOf({ big: randomBytes(200_000) })]).layers[0]!;
  const bytes = registry.blobs.get(digest)!;
  const answers = [
    () => ({ from: 0, send: Buffer.from(bytes).fill(9, 40_000, 40_100).subarray(0, 90_000) }),
    (start: number) => ({ from: start, send: bytes.subarray(start) }),
  ];
  registry.intercept = (request, response, url) => {
    const answer = url.pathname.endsWith(digest) ? answers.shift() : undefined;
    if (answer === undefined) return false;
    const { from, send } = answer(Number(/=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0));
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length - from,
      ...(from > 0 && { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` }),
    });
    response.write(send, () => setTimeout(() => (from > 0 ? response.end() : response.destroy()), 20));
    return true;
  };
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  assert.deepEqual(leftovers(), []);
});

test('lies about content end the pull and leave nothing', async (t) => {
  const { registry, pull, parts, leftovers, layersOnDisk } = await setUp(t);
  const good = tarOf({ good: 'good' });
  const evil = (digest: string, bytes: Buffer): void => void registry.blobs.set(digest, bytes);

  const swapped = addImage(registry, 'swapped', '1', [good, tarOf({ a: randomBytes(50_000) })]);
  const original = registry.blobs.get(swapped.layers[1]!.digest)!;
  evil(swapped.layers[1]!.digest, Buffer.from(original).fill(7, 30_000, 30_010));
  await assert.rejects(pull('swapped:1'), /filesystem layer verification failed for digest sha256:/);

  const longer = addImage(registry, 'longer', '1', [tarOf({ l: 'l' })]);
  evil(
    longer.layers[0]!.digest,
    Buffer.concat([registry.blobs.get(longer.layers[0]!.digest)!, randomBytes(100)]),
  );
  await assert.rejects(pull('longer:1'), /larger than|verification failed/);

  const config = addImage(registry, 'config', '1', [tarOf({ c: 'c' })]);
  evil(config.config.digest, Buffer.from('{}'));
  await assert.rejects(pull('config:1'), /image config verification failed for digest/);

  const wrongDiff = addImage(registry, 'diff', '1', [tarOf({ d: 'd' })], {
    config: { rootfs: { type: 'layers', diff_ids: [sha256(Buffer.from('other'))] } },
  });
  assert.ok(wrongDiff);
  await assert.rejects(pull('diff:1'), /layers from manifest don't match image configuration/);

  const fewer = addImage(registry, 'fewer', '1', [tarOf({ e: 'e' })], {
    config: { rootfs: { type: 'layers', diff_ids: [] } },
  });
  assert.ok(fewer);
  await assert.rejects(pull('fewer:1'), /layers from manifest don't match image configuration/);

  const digest = `sha256:${'0'.repeat(64)}`;
  registry.manifests.set(`app:${digest}`, { bytes: Buffer.from('{}'), type: 'application/json' });
  await assert.rejects(pull(`app@${digest}`), /manifest verification failed for digest/);

  assert.deepEqual(parts.images.list(), []);
  assert.deepEqual(
    leftovers().filter((name) => name.startsWith('layer-')),
    [],
  );
  assert.equal(layersOnDisk(), 0);
});

test('truncated layers fail after as many attempts as configured', async (t) => {
  const { registry, pull, texts } = await setUp(t);
  const { digest } = addImage(registry, 'app', '1', [tarOf({ big: randomBytes(100_000) })]).layers[0]!;
  registry.blobs.set(digest, registry.blobs.get(digest)!.subarray(0, 50_000));
  await assert.rejects(pull('app:1'), /unexpected EOF|received unexpected HTTP status|byte range/);
  assert.ok(texts().some((text) => /Retrying in \d+ seconds?/.test(text ?? '')));
});

test('5xx is tried again and then told; a registry that comes back is fine', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const { digest } = addImage(registry, 'app', '1', [tarOf({ a: 'a' })]).layers[0]!;
  let failures = 2;
  registry.intercept = (_request, response, url) => {
    if (!url.pathname.endsWith(digest) || failures-- <= 0) return false;
    response.writeHead(503).end('down');
    return true;
  };
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  registry.intercept = (_request, response, url) => {
    if (!url.pathname.includes('/manifests/')) return false;
    response.writeHead(500).end('broken');
    return true;
  };
  await assert.rejects(pull('app:2'), {
    message: 'received unexpected HTTP status: 500 Internal Server Error',
  });
});

test('tokens: fetched per scope, renewed when refused, no endless loop', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  addImage(registry, 'app', '1', [tarOf({ a: 'a' })]);
  const seen = withToken(registry, () => true);
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  assert.equal(seen.tokens.length, 1);
  assert.equal(seen.tokens[0]!.searchParams.get('scope'), 'repository:app:pull');
  assert.equal(seen.tokens[0]!.searchParams.get('service'), 'fake');

  const before = registry.requests.length;
  registry.intercept = (_request, response, url) => {
    if (url.pathname === '/token') response.end('{"token":"never good"}');
    else {
      response.writeHead(401, {
        'www-authenticate': `Bearer realm="http://${registry.host}/token",service="fake"`,
      });
      response.end();
    }
    return true;
  };
  await assert.rejects(pull('app:2'), { kind: 'unauthorized' });
  assert.ok(registry.requests.length - before < 12, 'gives up soon');
});

test('login: good and bad credentials, identity tokens, basic', async (t) => {
  const { registry, parts, pull } = await setUp(t);
  const { signal } = new AbortController();
  const good = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
  withToken(registry, (authorization) => authorization === good);
  const as = (password: string) => ({ username: 'ann', password, serveraddress: registry.host });
  assert.equal(await login(parts, as('secret'), signal), 'again');
  await assert.rejects(login(parts, as('wrong'), signal), {
    kind: 'unauthorized',
    message: `Get "http://${registry.host}/v2/": unauthorized: incorrect username or password`,
  });
  registry.intercept = (request, response) => {
    if (request.headers.authorization === good) return false;
    response.writeHead(401, { 'www-authenticate': 'Basic realm="fake"' }).end();
    return true;
  };
  assert.equal(await login(parts, as('secret'), signal), '');
  await assert.rejects(login(parts, as('wrong'), signal), {
    message: `login attempt to http://${registry.host}/v2/ failed with status: 401 Unauthorized`,
  });
  await assert.rejects(pull('app:1'), {
    message: `Head "http://${registry.host}/v2/app/manifests/1": no basic auth credentials`,
  });
});

test('credentials stay with the registry when it redirects elsewhere', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const storage = await startFakeRegistry();
  t.after(() => storage.close());
  const { digest } = addImage(registry, 'app', '1', [tarOf({ a: 'a' })]).layers[0]!;
  storage.blobs.set(digest, registry.blobs.get(digest)!);
  withToken(registry, () => true);
  const guard = registry.intercept!;
  registry.intercept = async (request, response, url) => {
    if (await guard(request, response, url)) return true;
    if (!url.pathname.endsWith(digest)) return false;
    response.writeHead(307, { location: `http://${storage.host}/v2/app/blobs/${digest}` }).end();
    return true;
  };
  await pull('app:1');
  assert.equal(parts.images.list().length, 1);
  assert.deepEqual(storage.requests, [
    { line: `GET /v2/app/blobs/${digest}`, authorization: undefined, range: undefined },
  ]);
  registry.intercept = (_request, response, url) => {
    if (url.pathname === '/v2/') return false;
    response.writeHead(302, { location: url.pathname }).end();
    return true;
  };
  await assert.rejects(pull('app:2'), /stopped after 10 redirects/);
});

test("what is not found or not allowed is said in Docker's words", async (t) => {
  const { registry, pull } = await setUp(t);
  const { host } = registry;
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `manifest for ${host}/app:1 not found: manifest unknown: manifest unknown`,
  });
  const answer = (status: number, code: string, message: string): void => {
    registry.intercept = (_request, response, url) => {
      if (url.pathname === '/v2/') return false;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ errors: [{ code, message }] }));
      return true;
    };
  };
  answer(403, 'DENIED', 'requested access to the resource is denied');
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `pull access denied for ${host}/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  });
  answer(404, 'NAME_UNKNOWN', '');
  await assert.rejects(pull('app:1'), {
    kind: 'notFound',
    message: `repository ${host}/app not found: name unknown: repository name not known to registry`,
  });
});

test('manifests that are no image, too large or malformed are refused', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const put = (document: unknown, type: string): void => {
    const bytes = Buffer.isBuffer(document) ? document : Buffer.from(JSON.stringify(document));
    registry.manifests.set('app:1', { bytes, type });
    registry.manifests.set(`app:${sha256(bytes)}`, { bytes, type });
  };
  put({ schemaVersion: 1, fsLayers: [] }, 'application/vnd.docker.distribution.manifest.v1+prettyjws');
  await assert.rejects(pull('app:1'), /schema 1 support has been removed. Suggest the author of /);
  put(Buffer.alloc(5 * 2 ** 20, ' '), 'application/vnd.docker.distribution.manifest.v2+json');
  await assert.rejects(pull('app:1'), /larger than 4194304 bytes/);
  for (const document of ['[]', '{"layers":1}', '{"manifests":[],"layers":[]}', '{', '\xff']) {
    put(Buffer.from(document, 'latin1'), 'application/vnd.docker.distribution.manifest.v2+json');
    await assert.rejects(pull('app:1'), { kind: 'invalid' }, document);
  }
  addImage(registry, 'app', '1', [tarOf({ a: 'a' })], {
    layerType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  });
  await assert.rejects(pull('app:1'), /foreign layers are not supported/);
  addImage(registry, 'app', '1', [], {
    manifest: {
      config: {
        mediaType: 'application/vnd.docker.plugin.v1+json',
        size: 2,
        digest: sha256(Buffer.from('{}')),
      },
    },
  });
  await assert.rejects(
    pull('app:1'),
    /Encountered remote "application\/vnd.docker.plugin.v1\+json"\(plugin\)/,
  );
  addImage(registry, 'app', '1', [tarOf({ a: 'a' })], { config: { os: 'windows' } });
  await assert.rejects(pull('app:1'), /operating system is not supported/);
  assert.deepEqual(parts.images.list(), []);
});

test('an index gives the image of the platform, variants included', async (t) => {
  const { registry, pull, parts, shown } = await setUp(t);
  const made = (architecture: string, variant?: string) => {
    const { digest, size, mediaType } = addImage(
      registry,
      'multi',
      `${architecture}${variant ?? ''}`,
      [tarOf({ [architecture]: variant ?? '' })],
      { config: { architecture, ...(variant && { variant }) } },
    );
    return { mediaType, digest, size, platform: { os: 'linux', architecture, ...(variant && { variant }) } };
  };
  const manifests = [made('arm', 'v6'), made('arm', 'v7'), made('amd64'), made('s390x')];
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests }),
  );
  const type = 'application/vnd.oci.image.index.v1+json';
  registry.manifests.set('multi:latest', { bytes, type });
  registry.manifests.set(`multi:${sha256(bytes)}`, { bytes, type });
  const architectureOf = (): string => {
    const { architecture, variant } = parts.images.get(`${registry.host}/multi:latest`).config;
    return `${architecture}/${variant ?? ''}`;
  };
  for (const [platform, expected] of [
    ['linux/amd64', 'amd64/'],
    ['linux/arm64', 'arm/v7'],
    ['linux/arm/v6', 'arm/v6'],
    ['linux/s390x', 's390x/'],
  ] as const) {
    await pull('multi:latest', { platform });
    assert.equal(architectureOf(), expected, platform);
  }
  await assert.rejects(pull('multi:latest', { platform: 'linux/ppc64le' }), {
    message: 'no matching manifest for linux/ppc64le in the manifest list entries',
  });
  const { Descriptor, Platforms } = await inspectDistribution(
    parts,
    parseReference(`${registry.host}/multi`),
    undefined,
    new AbortController().signal,
  );
  assert.equal(Descriptor.digest, sha256(bytes));
  assert.equal(Platforms.length, 4);
  shown.length = 0;
  await pull('multi:s390x', { platform: 'linux/amd64' });
  assert.match(shown.map(({ status }) => status).join(), /WARNING: image with reference .* does not match/);
});

test('layers come as gzip, zstd or plain', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const { registry, pull, parts } = await setUp(t);
  const oci = 'application/vnd.oci.image.layer.v1.tar';
  const zstd = (tar: Buffer): Buffer => execFileSync('zstd', ['-c'], { input: tar });
  addImage(registry, 'zstd', '1', [tarOf({ z: randomBytes(100_000) })], {
    layerType: `${oci}+zstd`,
    compress: zstd,
  });
  addImage(registry, 'plain', '1', [tarOf({ p: randomBytes(100_000) })], {
    layerType: oci,
    compress: (tar) => tar,
  });
  await pull('zstd:1');
  await pull('plain:1');
  assert.equal(parts.images.list().length, 2);
});

test('a client that goes away ends its pull, not that of another', async (t) => {
  const { registry, pull, parts, leftovers } = await setUp(t);
  const image = addImage(registry, 'app', '1', [tarOf({ a: randomBytes(200_000) }), tarOf({ b: 'b' })]);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let reached = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    reached = resolve;
  });
  registry.intercept = async (_request, _response, url) => {
    if (url.pathname.endsWith(image.layers[0]!.digest)) {
      reached();
      await gate;
    }
    return false;
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const abandoned = pull('app:1', { signal: first.signal });
  const kept = pull('app:1', { signal: second.signal });
  await waiting;
  first.abort(new Error('client is gone'));
  await assert.rejects(abandoned, /client is gone/);
  open();
  await kept;
  assert.equal(parts.images.list().length, 1);
  assert.deepEqual(leftovers(), []);

  addImage(registry, 'app', '2', [tarOf({ c: randomBytes(200_000) })]);
  registry.intercept = (_request, response, url) => {
    if (!url.pathname.includes('/blobs/') || url.pathname.endsWith(image.config.digest)) return false;
    const bytes = registry.blobs.get(url.pathname.split('/').at(-1)!)!;
    if (bytes.length < 10_000) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 1000));
    return true;
  };
  const slow = new AbortController();
  const hanging = pull('app:2', { signal: slow.signal });
  setTimeout(() => slow.abort(new Error('client is gone')), 200);
  await assert.rejects(hanging, /client is gone/);
  assert.deepEqual(
    leftovers().filter((name) => name.startsWith('layer-')),
    [],
  );
});

test('a mirror is asked first, without credentials, and its absence is no failure', async (t) => {
  const mirror = await startFakeRegistry();
  t.after(() => mirror.close());
  const { parts, registry } = await setUp(t, [`http://${mirror.host}`]);
  addImage(mirror, 'library/app', '1', [tarOf({ a: 'a' })]);
  const texts: (string | undefined)[] = [];
  await pull(parts, {
    reference: parseReference('app:1'),
    platform: undefined,
    auth: { username: 'ann', password: 'secret' },
    report: ({ status }) => void texts.push(status),
    signal: new AbortController().signal,
  });
  assert.equal(texts[0], 'Pulling from library/app');
  assert.deepEqual(parts.images.list()[0]!.tags, ['app:1']);
  assert.ok(mirror.requests.every(({ authorization }) => authorization === undefined));
  assert.equal(registry.requests.length, 0);
});

test('http is spoken to insecure registries only after https failed, never to others', async (t) => {
  const { registry, parts } = await setUp(t);
  const port = registry.host.split(':')[1]!;
  const { domain } = parseReference(`localhost:${port}/app:1`);
  assert.equal(domain, `localhost:${port}`);
  const closed = createTcpServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const free = (closed.address() as AddressInfo).port;
  closed.close();
  const request = (name: string) => ({
    reference: parseReference(name),
    platform: undefined,
    auth: undefined,
    report: () => {},
    signal: new AbortController().signal,
  });
  await assert.rejects(pull(parts, request(`127.0.0.1:${free}/app:1`)), {
    kind: 'system',
    message: `Get "http://127.0.0.1:${free}/v2/": dial tcp 127.0.0.1:${free}: connect: connection refused`,
  });
  await assert.rejects(pull(parts, request('registry.invalid/app:1')), {
    message:
      /^Get "https:\/\/registry.invalid\/v2\/": dial tcp: lookup registry.invalid on .*: (no such host|server misbehaving)$/,
  });
});

test('push sends what is missing, mounts what another repository has, says what is there', async (t) => {
  const { registry, pull, push, parts, texts, shown, events } = await setUp(t);
  const source = addImage(registry, 'base', '1', [tarOf({ a: randomBytes(30_000) }), tarOf({ b: 'b' })]);
  await pull('base:1');
  const { id } = parts.images.get(`${registry.host}/base:1`);
  await parts.images.tag(id, `${registry.host}/copy:1`);
  shown.length = 0;
  await push('copy:1');
  const diffIds = parts.images.get(id).config.rootfs.diff_ids.map((diffId) => diffId.slice(7, 19));
  assert.equal(texts()[0], `The push refers to repository [${registry.host}/copy]`);
  for (const diffId of diffIds)
    assert.ok(texts().includes(`${diffId}: Mounted from base`), texts().join('\n'));
  const manifest = registry.manifests.get('copy:1')!;
  assert.equal(texts().at(-2), `1: digest: ${sha256(manifest.bytes)} size: ${manifest.bytes.length}`);
  assert.deepEqual(shown.at(-1)!.aux, {
    Tag: '1',
    Digest: sha256(manifest.bytes),
    Size: manifest.bytes.length,
  });
  assert.deepEqual(JSON.parse(manifest.bytes.toString()).layers, source.layers);
  assert.ok(events.includes('image push R/copy:1'));
  assert.ok(parts.images.get(id).digests.includes(`${registry.host}/copy@${sha256(manifest.bytes)}`));

  shown.length = 0;
  await push('copy:1');
  for (const diffId of diffIds) assert.ok(texts().includes(`${diffId}: Layer already exists`));

  registry.blobs.clear();
  shown.length = 0;
  await push('copy');
  for (const diffId of diffIds) assert.ok(texts().includes(`${diffId}: Pushed`), texts().join('\n'));
  const again = JSON.parse(registry.manifests.get('copy:1')!.bytes.toString());
  for (const layer of again.layers) assert.equal(registry.blobs.get(layer.digest)?.length, layer.size);
  assert.ok(registry.blobs.has(again.config.digest));
});

test('push: refusals and retries', async (t) => {
  const { registry, pull, push, parts, texts } = await setUp(t);
  addImage(registry, 'base', '1', [tarOf({ a: randomBytes(30_000) })]);
  await pull('base:1');
  await parts.images.tag(parts.images.list()[0]!.id, `${registry.host}/copy:1`);
  await assert.rejects(push('nosuch:1'), {
    message: `An image does not exist locally with the tag: ${registry.host}/nosuch`,
  });
  await assert.rejects(push('copy:2'), { message: `tag does not exist: ${registry.host}/copy:2` });
  registry.blobs.clear();
  let failures = 1;
  registry.intercept = (request, response) => {
    if (request.method !== 'PATCH' || failures-- <= 0) return false;
    response.writeHead(502).end();
    request.resume();
    return true;
  };
  await push('copy:1');
  assert.ok(texts().some((text) => /Retrying in 5 seconds/.test(text ?? '')));
  registry.intercept = (request, response) => {
    if (request.method !== 'POST') return false;
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}');
    return true;
  };
  registry.blobs.clear();
  await assert.rejects(push('copy:1'), { message: 'denied: requested access to the resource is denied' });
});

test("search asks Docker's endpoint where there is one, the catalog elsewhere", async (t) => {
  const { registry, parts } = await setUp(t);
  const { signal } = new AbortController();
  addImage(registry, 'team/web', '1', []);
  addImage(registry, 'db', '1', []);
  const find = (term: string, filters: [string, string[]][] = [], limit = 0) =>
    search(parts, {
      term: `${registry.host}/${term}`,
      limit,
      filters: new Map(filters),
      auth: undefined,
      signal,
    });
  assert.deepEqual(
    (await find('web')).map(({ name }) => name),
    [`${registry.host}/team/web`],
  );
  assert.deepEqual(await find('web', [['is-official', ['true']]]), []);
  registry.intercept = (_request, response, url) => {
    if (url.pathname !== '/v1/search') return false;
    const entry = (name: string, stars: number) => ({
      name,
      description: `about ${name}`,
      star_count: stars,
      is_official: stars > 5,
    });
    response.end(
      JSON.stringify({ results: [entry('a', 9), entry('b', 1)], query: url.searchParams.get('q') }),
    );
    return true;
  };
  assert.deepEqual(await find('x', [['stars', ['3']]]), [
    { name: 'a', description: 'about a', star_count: 9, is_official: true, is_automated: false },
  ]);
  assert.equal((await find('x', [], 1)).length, 1);
  await assert.rejects(find('x', [['color', ['red']]]), /invalid filter 'color'/);
  await assert.rejects(find('x', [], 101), /limit 101 is outside the range of \[1, 100\]/);
});

test('a server that is no registry is told from one that is', async (t) => {
  const { parts } = await setUp(t);
  const server = createServer((_request, response) => void response.writeHead(404).end('not here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const noise = createTcpServer((socket) => void socket.end('SSH-2.0-x\r\n'));
  await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
  t.after(() => noise.close());
  const at = (host: string) =>
    pull(parts, {
      reference: parseReference(`${host}/app:1`),
      platform: undefined,
      auth: undefined,
      report: () => {},
      signal: new AbortController().signal,
    });
  await assert.rejects(at(`127.0.0.1:${port}`), /unknown: not here/);
  await assert.rejects(at(`127.0.0.1:${(noise.address() as AddressInfo).port}`), /^DaemonError: Get "http:/);
});
