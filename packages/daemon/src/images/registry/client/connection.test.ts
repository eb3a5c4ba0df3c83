import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { tlsMaterial } from '../authentication/certificates.js';
import { connect } from './connection.js';
import { describeNetworkError, errorOfResponse, worthRetrying } from './errors.js';

/** A self-signed certificate for 127.0.0.1; files `<name>.crt` and `<name>.key`. */
function makeCertificate(directory: string, name: string): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', join(directory, `${name}.key`)],
      ...['-out', join(directory, `${name}.crt`)],
    ],
    { stdio: 'pipe' },
  );
}

async function tlsRegistry(t: TestContext, directory: string) {
  const read = (name: string): Buffer => readFileSync(join(directory, name));
  makeCertificate(directory, 'server');
  makeCertificate(directory, 'client');
  const seen: string[] = [];
  const server = createServer(
    {
      key: read('server.key'),
      cert: read('server.crt'),
      ca: read('client.crt'),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      seen.push((request.socket as TLSSocket).authorized ? 'known client' : 'anonymous');
      response.end('{}');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

test('certs.d: authorities are trusted, client certificates shown, others refused', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-certs-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const { host, seen } = await tlsRegistry(t, directory);
  const endpoint = { url: `https://${host}`, mirror: false, insecure: false };
  const certificateDirectories = [join(directory, 'certs.d')];
  await assert.rejects(connect(endpoint, { certificateDirectories }), {
    message: `Get "https://${host}/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
  });
  const own = join(directory, 'certs.d', host);
  mkdirSync(own, { recursive: true });
  const copy = (from: string, to: string): void =>
    writeFileSync(join(own, to), readFileSync(join(directory, from)));
  copy('server.crt', 'ca.crt');
  await (await connect(endpoint, { certificateDirectories })).close();
  assert.deepEqual(seen, ['anonymous']);
  copy('client.crt', 'client.cert');
  await assert.rejects(
    connect(endpoint, { certificateDirectories }),
    /missing key client.key for client certificate client.cert/,
  );
  copy('client.key', 'client.key');
  await (await connect(endpoint, { certificateDirectories })).close();
  assert.deepEqual(seen, ['anonymous', 'known client']);
  rmSync(join(own, 'ca.crt'));
  await (await connect({ ...endpoint, insecure: true }, { certificateDirectories })).close();
  assert.ok((await tlsMaterial('nobody.example', certificateDirectories)).ca!.length > 0);
});

test('https is told from http', async (t) => {
  const { createServer: createPlain } = await import('node:http');
  const server = createPlain((_request, response) => void response.end('{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await assert.rejects(connect({ url: `https://${host}`, mirror: false, insecure: true }), {
    message: `Get "https://${host}/v2/": http: server gave HTTP response to HTTPS client`,
  });
});

test("answers become Docker's errors", () => {
  const json = { 'content-type': 'application/json; charset=utf-8' };
  const message = (status: number, headers: Record<string, string>, body: string): string =>
    errorOfResponse(status, headers, body).message;
  assert.equal(
    message(404, json, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
    'manifest unknown: manifest unknown',
  );
  assert.equal(
    message(401, json, '{"errors":[{"code":"UNAUTHORIZED"}]}'),
    'unauthorized: authentication required',
  );
  assert.equal(message(400, json, '{"errors":[{"code":"ODD","message":"m"}]}'), 'unknown: m');
  assert.equal(message(403, {}, 'go away'), 'denied: go away');
  assert.equal(message(401, json, '{"details":"wrong password"}'), 'unauthorized: wrong password');
  assert.equal(message(429, {}, 'slow down'), 'toomanyrequests: slow down');
  assert.equal(message(503, json, '{}'), 'received unexpected HTTP status: 503 Service Unavailable');
  assert.match(message(404, json, '{}'), /^error parsing HTTP 404 response body: .*: "\{\}"$/);
  assert.equal(
    message(401, { 'www-authenticate': 'Bearer realm="x",error="insufficient_scope"' }, ''),
    'denied: requested access to the resource is denied',
  );
  assert.equal(worthRetrying(errorOfResponse(503, {}, '')), true);
  assert.equal(worthRetrying(errorOfResponse(404, json, '{}')), false);
  assert.equal(worthRetrying(Object.assign(new Error('full'), { code: 'ENOSPC' })), false);
});

test('network errors are said as Go says them', () => {
  const say = (cause: object): string =>
    describeNetworkError(Object.assign(new Error('raw'), cause), 'host.example:5000', '10.0.0.1:53');
  assert.equal(
    say({ code: 'ENOTFOUND', hostname: 'host.example' }),
    'dial tcp: lookup host.example on 10.0.0.1:53: no such host',
  );
  assert.equal(
    say({ code: 'ECONNREFUSED', address: '::1', port: 5000 }),
    'dial tcp [::1]:5000: connect: connection refused',
  );
  assert.equal(say({ code: 'UND_ERR_CONNECT_TIMEOUT' }), 'dial tcp host.example:5000: i/o timeout');
  assert.equal(
    say({ code: 'CERT_HAS_EXPIRED' }),
    'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  );
  assert.equal(say({ code: 'ECONNRESET' }), 'read: connection reset by peer');
  assert.equal(say({}), 'raw');
});

test('an answer that is not wanted can be dropped', async (t) => {
  const server = createPlainServer((_, response) => response.end('{}'));
  t.after(() => server.close().closeAllConnections());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const connection = await connect({ url, mirror: false, insecure: true });
  const { body } = await connection.request({ method: 'GET', url: '/v2/x/blobs/y' });
  // Whole but unread: then the client has no listener of its own on it any more.
  await sleep(50);
  body.destroy();
  // An error event without a listener would end the process.
  await new Promise((resolve) => body.on('close', resolve));
  await connection.close();
});
