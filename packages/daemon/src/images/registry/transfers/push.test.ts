import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { setUp } from '../client/testing-client.js';
import { addImage, sha256 } from '../testing.js';

test('push sends what is missing, mounts what another repository has, says what is there', async (t) => {
  const { registry, pull, push, parts, texts, shown, events } = await setUp(t);
  const source = addImage(registry, 'base', '1', [
    tarOfFiles({ a: randomBytes(30_000) }),
    tarOfFiles({ b: 'b' }),
  ]);
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
  addImage(registry, 'base', '1', [tarOfFiles({ a: randomBytes(30_000) })]);
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
