import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tarOfFiles } from '../../../archive/testing.js';
import { parseReference } from '../../documents/reference.js';
import { inspectDistribution } from '../authentication/account.js';
import { setUp } from '../client/testing-client.js';
import { addImage, sha256 } from '../testing.js';

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
  addImage(registry, 'app', '1', [tarOfFiles({ a: 'a' })], {
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
  addImage(registry, 'app', '1', [tarOfFiles({ a: 'a' })], { config: { os: 'windows' } });
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
      [tarOfFiles({ [architecture]: variant ?? '' })],
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
  const byDigest = parts.images.get(`${registry.host}/multi@${sha256(bytes)}`);
  assert.equal(byDigest.config.architecture, 'amd64', 'the digest stays with the first');
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
  const [status, warning] = shown.slice(-2).map((message) => message.status ?? '');
  assert.match(status!, /^Status: Downloaded newer image/);
  assert.match(warning!, /^WARNING: image with reference .* does not match/);
});
