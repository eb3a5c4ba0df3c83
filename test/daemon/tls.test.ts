/** TCP with TLS: who may connect, and who the daemon is. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../free-port.js';
import { runProgram, startDaemon } from './daemon.js';

const bin = join(import.meta.dirname, '../../../packages/cli/bin/noos.mjs');
const directory = mkdtempSync(join(tmpdir(), 'noos-tls-'));
const file = (name: string): string => join(directory, name);
after(() => rmSync(directory, { recursive: true }));

async function openssl(...words: string[]): Promise<void> {
  const { code, stderr } = await runProgram('openssl', words);
  assert.equal(code, 0, stderr);
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate signed by `authority`, for the server and the client alike. */
async function sign(authority: string, name: string, extensions = ''): Promise<void> {
  const request = ['-subj', `/CN=${name}`, '-keyout', file(`${name}-key.pem`), '-out', file(`${name}.csr`)];
  await openssl('req', ...newKey, ...request);
  writeFileSync(file(`${name}.ext`), `subjectAltName=IP:127.0.0.1\n${extensions}`);
  await openssl(
    ...['x509', '-req', '-days', '2', '-in', file(`${name}.csr`), '-out', file(`${name}.pem`)],
    ...['-CA', file(`${authority}.pem`), '-CAkey', file(`${authority}-key.pem`), '-CAcreateserial'],
    ...['-extfile', file(`${name}.ext`)],
  );
}

before(async () => {
  for (const authority of ['ca', 'stranger-ca'])
    await openssl(
      ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${authority}`],
      ...['-keyout', file(`${authority}-key.pem`), '-out', file(`${authority}.pem`)],
    );
  await sign('ca', 'server');
  await sign('ca', 'client');
  await sign('stranger-ca', 'stranger');
  await sign('ca', 'server-only', 'extendedKeyUsage=serverAuth\n');
});

const clientFlags = (name: string, ca = 'ca'): string[] => [
  '--tlsverify',
  ...[
    '--tlscacert',
    file(`${ca}.pem`),
    '--tlscert',
    file(`${name}.pem`),
    '--tlskey',
    file(`${name}-key.pem`),
  ],
];

test('tlsverify: only clients with a certificate of the authority', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, {
    flags: ['--host', `tcp://127.0.0.1:${port}`, ...clientFlags('server')],
  });
  const docker = (...words: string[]) =>
    daemon.run('docker', ['-H', `tcp://127.0.0.1:${port}`, ...words], { env: { DOCKER_HOST: '' } });

  const known = await docker(...clientFlags('client'), 'version', '--format', '{{.Server.Os}}');
  assert.deepEqual([known.code, known.stdout.trim()], [0, 'linux']);

  const stranger = await docker(...clientFlags('stranger'), 'version');
  assert.equal(stranger.code, 1);
  const wrongServer = await docker(...clientFlags('client', 'stranger-ca'), 'version');
  assert.equal(wrongServer.code, 1);
  assert.match(wrongServer.stderr, /certificate/);
  const plain = await docker('version');
  assert.equal(plain.code, 1);
  assert.match(plain.stderr, /Client sent an HTTP request to an HTTPS server/);

  const wrongPurpose = await docker(...clientFlags('server-only'), 'version');
  assert.equal(wrongPurpose.code, 1);
  assert.match(daemon.log(), /"reason":"[^"]*PURPOSE[^"]*".*TLS handshake failed/);
});

test('tls without verification: the server is authenticated, any client may come, and info warns', async (t) => {
  const port = await freePort();
  const flags = ['--tls', '--tlscert', file('server.pem'), '--tlskey', file('server-key.pem')];
  const daemon = await startDaemon(t, { flags: ['--host', `tcp://127.0.0.1:${port}`, ...flags] });
  const { code, stderr } = await daemon.run(
    'docker',
    ['-H', `tcp://127.0.0.1:${port}`, '--tls', '--tlscacert', file('ca.pem'), 'version'],
    { env: { DOCKER_HOST: '' } },
  );
  assert.equal(code, 0, stderr);
  const info = await daemon.docker('info');
  assert.match(info.stdout + info.stderr, /without client certificate verification|root access on the host/);
});

test('tcp without TLS works and is warned about', async (t) => {
  const port = await freePort();
  const daemon = await startDaemon(t, { flags: ['--host', `tcp://127.0.0.1:${port}`] });
  const { code } = await daemon.run('docker', ['version'], {
    env: { DOCKER_HOST: `tcp://127.0.0.1:${port}` },
  });
  assert.equal(code, 0);
  const info = await daemon.docker('info');
  assert.match(
    info.stdout + info.stderr,
    /API is accessible on http:\/\/127\.0\.0\.1:\d+ without encryption/,
  );
  assert.match(daemon.log(), /Binding to IP address without --tlsverify is insecure/);
});

test('files that are missing are named, and nothing listens', async () => {
  const { code, stderr } = await runProgram(process.execPath, [
    ...[bin, 'daemon', '--data-root', file('data'), '--exec-root', file('run'), '--pidfile', file('pid')],
    ...['--bridge', 'none', '--host', `unix://${file('noos.sock')}`, '--host', 'tcp://127.0.0.1:0'],
    ...[
      '--tlsverify',
      '--tlscacert',
      file('absent.pem'),
      '--tlscert',
      file('server.pem'),
      '--tlskey',
      file('server-key.pem'),
    ],
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /Could not load X509 CA .*absent\.pem: no such file or directory/);
});
