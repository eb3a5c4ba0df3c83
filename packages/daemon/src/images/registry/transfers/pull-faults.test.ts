import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { setUp } from '../client/testing-client.js';
import { addImage, sha256 } from '../testing.js';

test('a line that drops in the midst of a layer is taken up where it broke', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const image = addImage(registry, 'app', '1', [tarOfFiles({ big: randomBytes(400_000) })]);
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
  const { digest } = addImage(registry, 'app', '1', [tarOfFiles({ big: randomBytes(200_000) })]).layers[0]!;
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
  const { digest } = addImage(registry, 'app', '1', [tarOfFiles({ big: randomBytes(200_000) })]).layers[0]!;
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
  const good = tarOfFiles({ good: 'good' });
  const evil = (digest: string, bytes: Buffer): void => void registry.blobs.set(digest, bytes);

  const swapped = addImage(registry, 'swapped', '1', [good, tarOfFiles({ a: randomBytes(50_000) })]);
  const original = registry.blobs.get(swapped.layers[1]!.digest)!;
  evil(swapped.layers[1]!.digest, Buffer.from(original).fill(7, 30_000, 30_010));
  await assert.rejects(pull('swapped:1'), /filesystem layer verification failed for digest sha256:/);

  const longer = addImage(registry, 'longer', '1', [tarOfFiles({ l: 'l' })]);
  evil(
    longer.layers[0]!.digest,
    Buffer.concat([registry.blobs.get(longer.layers[0]!.digest)!, randomBytes(100)]),
  );
  await assert.rejects(pull('longer:1'), /larger than|verification failed/);

  const config = addImage(registry, 'config', '1', [tarOfFiles({ c: 'c' })]);
  evil(config.config.digest, Buffer.from('{}'));
  await assert.rejects(pull('config:1'), /image config verification failed for digest/);

  const wrongDiff = addImage(registry, 'diff', '1', [tarOfFiles({ d: 'd' })], {
    config: { rootfs: { type: 'layers', diff_ids: [sha256(Buffer.from('other'))] } },
  });
  assert.ok(wrongDiff);
  await assert.rejects(pull('diff:1'), /layers from manifest don't match image configuration/);

  const fewer = addImage(registry, 'fewer', '1', [tarOfFiles({ e: 'e' })], {
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
  const { digest } = addImage(registry, 'app', '1', [tarOfFiles({ big: randomBytes(100_000) })]).layers[0]!;
  registry.blobs.set(digest, registry.blobs.get(digest)!.subarray(0, 50_000));
  await assert.rejects(pull('app:1'), /unexpected EOF|received unexpected HTTP status|byte range/);
  assert.ok(texts().some((text) => /Retrying in \d+ seconds?/.test(text ?? '')));
});

test('5xx is tried again and then told; a registry that comes back is fine', async (t) => {
  const { registry, pull, parts } = await setUp(t);
  const { digest } = addImage(registry, 'app', '1', [tarOfFiles({ a: 'a' })]).layers[0]!;
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
