/**
 * Debian's docker-registry for a test: plain, with users (htpasswd), with TLS; and a line to it that can be cut.
 *
 * In: options. Out: its address; all gone when the test ends. May import: nothing of the daemon.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as requestTls } from 'node:https';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../free-port.js';

/** `htpasswd -nbB ann secret`: the password of the registry's only user. */
export const user = {
  name: 'ann',
  password: 'secret',
  hash: '$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a',
};

export interface Registry {
  /** `127.0.0.1:<port>` or `localhost:<port>` (TLS). */
  readonly host: string;
  readonly port: number;
  /** The registry's own certificate (PEM file), when it speaks TLS. */
  readonly certificate: string | undefined;
}

export interface RegistryOptions {
  withUsers?: boolean;
  withTls?: boolean;
}

const answers = (port: number, tls: boolean): Promise<boolean> =>
  tls
    ? new Promise((resolve) => {
        requestTls({ host: '127.0.0.1', port, path: '/v2/', rejectUnauthorized: false }, (reply) => {
          reply.resume();
          resolve(true);
        })
          .on('error', () => resolve(false))
          .end();
      })
    : fetch(`http://127.0.0.1:${port}/v2/`).then(
        () => true,
        () => false,
      );

export async function startRegistry(
  t: { after(clean: () => Promise<void> | void): void },
  { withUsers = false, withTls = false }: RegistryOptions = {},
): Promise<Registry> {
  const directory = mkdtempSync(join(tmpdir(), 'noos-registry-'));
  const port = await freePort();
  const certificate = join(directory, 'registry.crt');
  const key = join(directory, 'registry.key');
  if (withTls)
    execFileSync(
      'openssl',
      [
        ...[
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-days',
          '2',
          '-keyout',
          key,
          '-out',
          certificate,
        ],
        ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      ],
      { stdio: 'pipe' },
    );
  const passwords = join(directory, 'htpasswd');
  if (withUsers) writeFileSync(passwords, `${user.name}:${user.hash}\n`);
  const settings = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') } },
    http: { addr: `127.0.0.1:${port}`, ...(withTls && { tls: { certificate, key } }) },
    ...(withUsers && { auth: { htpasswd: { realm: 'test', path: passwords } } }),
  };
  writeFileSync(join(directory, 'registry.json'), JSON.stringify(settings));
  const child = spawn('docker-registry', ['serve', join(directory, 'registry.json')], { stdio: 'ignore' });
  t.after(async () => {
    const exit = once(child, 'exit');
    if (child.exitCode === null && child.kill()) await exit;
    rmSync(directory, { recursive: true, force: true });
  });
  for (let attempt = 0; !(await answers(port, withTls)); attempt++) {
    assert.ok(
      attempt < 200 && child.exitCode === null,
      "docker-registry does not answer: it is Debian's package",
    );
    await sleep(50);
  }
  return {
    host: `${withTls ? 'localhost' : '127.0.0.1'}:${port}`,
    port,
    certificate: withTls ? certificate : undefined,
  };
}

export interface Line {
  /** `127.0.0.1:<port>`: the registry through the line. */
  readonly host: string;
  /** Lets this many more bytes through, then cuts every connection once, or keeps them silent until the next call. */
  allow(bytes: number | undefined, end?: 'cut' | 'stall'): void;
  /** Bytes that came through from the registry. */
  readonly bytes: number;
  readonly cuts: number;
}

/** A way to `port` that can be cut in the midst of an answer. */
export async function startLine(
  t: { after(clean: () => Promise<void> | void): void },
  port: number,
): Promise<Line> {
  const sockets = new Set<Socket>();
  let left: number | undefined;
  let ending: 'cut' | 'stall' = 'cut';
  const counts = { bytes: 0, cuts: 0 };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      if (left === undefined) {
        counts.bytes += chunk.length;
        if (!client.write(chunk)) {
          upstream.pause();
          client.once('drain', () => upstream.resume());
        }
        return;
      }
      const part = chunk.subarray(0, Math.max(0, left));
      left -= part.length;
      counts.bytes += part.length;
      client.write(part);
      if (left > 0 || ending === 'stall') return;
      left = undefined;
      counts.cuts++;
      // Nothing follows on these connections, whatever still comes: what is missing in between must not be.
      for (const socket of sockets) socket.removeAllListeners('data').resume();
      setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, 20);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    allow: (bytes, end = 'cut') => {
      left = bytes;
      ending = end;
    },
    get bytes() {
      return counts.bytes;
    },
    get cuts() {
      return counts.cuts;
    },
  };
}
