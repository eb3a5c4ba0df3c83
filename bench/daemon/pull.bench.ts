/** `docker pull` of a 100 MB image of 10 layers from a registry on this machine, beside dockerd. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { report } from '../report.js';
import { alternate, startEngines } from './engines.js';

const layerCount = 10;
/** Of files in each layer, so that the image has 100 MB. */
const layerBytes = 10_000_000;
const rounds = 7;

const directory = fs.mkdtempSync(join(tmpdir(), 'noos-pull-'));
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What images are made of: this machine's programs, libraries and documents, in a fixed order. */
function* files(): Generator<{ path: string; size: number }> {
  for (const top of ['/usr/bin', '/usr/lib/x86_64-linux-gnu', '/usr/lib/python3', '/usr/share'])
    for (const path of execFileSync('find', [top, '-xdev', '-type', 'f', '-size', '-2000k'], {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    })
      .trim()
      .split('\n')
      .sort())
      yield { path, size: fs.statSync(path).size };
}

function layerLists(): string[][] {
  const lists: string[][] = [[]];
  let bytes = 0;
  for (const { path, size } of files()) {
    lists.at(-1)!.push(path.slice(1));
    bytes += size;
    if (bytes < layerBytes) continue;
    if (lists.length === layerCount) return lists;
    lists.push([]);
    bytes = 0;
  }
  throw new Error('this machine has too few files below /usr for the image');
}

/** An OCI image layout with one image. */
function makeImage(): string {
  const layout = join(directory, 'image');
  const blobs = join(layout, 'blobs/sha256');
  fs.mkdirSync(blobs, { recursive: true });
  const blob = (bytes: Uint8Array, mediaType: string) => {
    const hex = sha256(bytes);
    fs.writeFileSync(join(blobs, hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const tars = layerLists().map((list) =>
    execFileSync('tar', ['-C', '/', '-cf', '-', '--sort=none', '-T', '-'], {
      input: list.join('\n'),
      maxBuffer: 2 ** 27,
    }),
  );
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) },
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blob(Buffer.from(JSON.stringify(config)), 'application/vnd.oci.image.config.v1+json'),
    layers: tars.map((tar) => blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip')),
  };
  const descriptor = blob(Buffer.from(JSON.stringify(manifest)), manifest.mediaType);
  const annotations = { 'org.opencontainers.image.ref.name': 'image' };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor, annotations }] };
  fs.writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
  fs.writeFileSync(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return layout;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

async function startRegistry(): Promise<{ host: string; child: ChildProcess }> {
  const host = `127.0.0.1:${await freePort()}`;
  const settings = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(directory, 'registry') } },
    http: { addr: host },
  };
  const path = join(directory, 'registry.json');
  fs.writeFileSync(path, JSON.stringify(settings));
  const child = spawn('docker-registry', ['serve', path], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 100; attempt++) {
    const up = await fetch(`http://${host}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return { host, child };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('docker-registry does not answer');
}

const { host, child } = await startRegistry();
const name = `${host}/bench/image:latest`;
execFileSync('skopeo', [
  'copy',
  '-q',
  '--dest-tls-verify=false',
  `oci:${makeImage()}:image`,
  `docker://${name}`,
]);
const engines = await startEngines();
const figures = await alternate(engines, rounds, (engine) => {
  const ms = engine.timed('pull', '-q', name);
  engine.docker('rmi', name);
  return ms;
});
report({
  figure: 'docker pull of 100 MB in 10 layers, ms',
  ...figures,
  peer: 'dockerd',
  target: { relation: '<=', ratio: 0.8 },
});
await engines.stop();
child.kill();
fs.rmSync(directory, { recursive: true });
