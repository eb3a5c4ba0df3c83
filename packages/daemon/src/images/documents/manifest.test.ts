import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DaemonError } from '../../errors.js';
import { createRandom } from '../../testing/seeded-random.js';
import { RegistryError } from '../registry/client/errors.js';
import {
  checkImage,
  digestOf,
  makeManifest,
  mediaTypes,
  parseManifest,
  selectManifests,
} from './manifest.js';
import { formatPlatform, hostPlatform, normalizePlatform, parsePlatform, platformRank } from './platform.js';

const digest = digestOf(Buffer.from('x'));
const config = { mediaType: mediaTypes.dockerConfig, size: 1, digest };
const layer = { mediaType: mediaTypes.dockerLayerGzip, size: 2, digest };
const parse = (document: unknown, type = '') =>
  parseManifest(Buffer.from(JSON.stringify(document)), type, 'r:1');

test('what we make is what we read, byte for byte as dockerd writes it', () => {
  const bytes = makeManifest(config, [layer]);
  assert.deepEqual(parseManifest(bytes, '', 'r:1'), {
    kind: 'image',
    mediaType: mediaTypes.dockerManifest,
    config,
    layers: [layer],
  });
  assert.ok(
    bytes
      .toString()
      .startsWith(
        '{\n   "schemaVersion": 2,\n   "mediaType": "application/vnd.docker.distribution.manifest.v2+json",\n',
      ),
  );
});

test('the type of the document wins over that of the transport, and must fit its fields', () => {
  const image = { schemaVersion: 2, config, layers: [] };
  assert.equal(parse(image).mediaType, mediaTypes.ociManifest);
  assert.equal(parse({ ...image, mediaType: mediaTypes.dockerManifest }, mediaTypes.ociIndex).kind, 'image');
  for (const [document, type] of [
    [{ ...image, mediaType: mediaTypes.ociIndex }, ''],
    [{ manifests: [], mediaType: mediaTypes.ociManifest }, ''],
    [{ manifests: [], config, layers: [] }, ''],
    [image, mediaTypes.dockerList],
    [{ ...image, config: { ...config, digest: 'sha256:short' } }, ''],
    [{ ...image, config: { ...config, size: -1 } }, ''],
    [{ ...image, config: { ...config, size: 1.5 } }, ''],
    [{ ...image, layers: Array(501).fill(layer) }, ''],
    [{ schemaVersion: 1 }, ''],
  ] as const)
    assert.throws(() => parse(document, type), RegistryError, JSON.stringify(document).slice(0, 80));
});

test('whatever document comes, it is a value or a RegistryError', () => {
  const pieces = [
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    `"${digest}"`,
    `"${mediaTypes.ociIndex}"`,
    `"${mediaTypes.ociLayerGzip}"`,
    '-5',
    '1e400',
  ];
  const keys = [
    'mediaType',
    'manifests',
    'config',
    'layers',
    'digest',
    'size',
    'platform',
    'annotations',
    'urls',
    'fsLayers',
    'schemaVersion',
    'os',
    '__proto__',
  ];
  const random = createRandom(3);
  const make = (depth: number): string => {
    const kind = depth > 3 ? 0 : random.below(3);
    if (kind === 0) return pieces[random.below(pieces.length)]!;
    const items = Array.from({ length: random.below(4) }, () => make(depth + 1));
    if (kind === 1) return `[${items.join()}]`;
    return `{${items.map((item) => `"${keys[random.below(keys.length)]}":${item}`).join()}}`;
  };
  for (let round = 0; round < 5000; round++) {
    const text = make(0);
    try {
      const manifest = parseManifest(Buffer.from(text), '', 'r:1');
      if (manifest.kind === 'image') checkImage(manifest);
      else selectManifests(manifest, hostPlatform);
    } catch (error) {
      assert.ok(error instanceof RegistryError, `${text}: ${error}`);
    }
  }
});

test('attestations are no images; an entry without platform is the last resort', () => {
  const entry = (extra: object) => ({ mediaType: mediaTypes.ociManifest, size: 1, digest, ...extra });
  const attestation = entry({
    platform: { os: 'linux', architecture: 'amd64' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  });
  const plain = entry({ size: 5 });
  const fitting = entry({ size: 6, platform: { os: 'linux', architecture: 'amd64' } });
  const index = { kind: 'index' as const, mediaType: '', manifests: [attestation, plain, fitting] };
  assert.deepEqual(
    selectManifests(index, { os: 'linux', architecture: 'amd64' }).map(({ size }) => size),
    [6, 5],
  );
});

test('platforms: normal forms, preferences, refusals', () => {
  for (const [text, expected] of [
    ['linux/x86_64', 'linux/amd64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armhf', 'linux/arm/v7'],
    ['aarch64', 'linux/arm64'],
    ['linux', formatPlatform(hostPlatform)],
    ['Linux/ARM/5', 'linux/arm/v5'],
  ] as const)
    assert.equal(formatPlatform(parsePlatform(text)), expected, text);
  for (const text of ['', 'a/b/c/d', 'nothing', 'linux/', 'li nux/amd64'])
    assert.throws(() => parsePlatform(text), DaemonError, text);
  const rank = (offered: string, wanted: string) =>
    platformRank(parsePlatform(offered), parsePlatform(wanted));
  assert.equal(rank('linux/amd64', 'linux/amd64'), 0);
  assert.ok(rank('linux/arm/v6', 'linux/arm/v7')! > rank('linux/arm/v7', 'linux/arm/v7')!);
  assert.equal(rank('linux/arm/v7', 'linux/arm/v6'), undefined);
  assert.equal(rank('windows/amd64', 'linux/amd64'), undefined);
  assert.ok(rank('linux/amd64', 'linux/amd64/v3')! > 0);
  assert.deepEqual(normalizePlatform({ os: 'macos', architecture: 'ARM64' }), {
    os: 'darwin',
    architecture: 'arm64',
  });
});
