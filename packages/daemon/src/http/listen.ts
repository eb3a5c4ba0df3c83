/**
 * Where the API is heard: unix sockets, TCP, TLS, sockets handed over by systemd.
 *
 * In: the URLs of `-H`. Out: listening servers. May import: config, errors, log, storage.
 */
import { chmod, chown, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { ConfigError } from '../config/error.js';
import type { TlsSetting } from '../config/types.js';
import type { Logger } from '../log.js';
import { makeDirectory } from '../storage/make-directory.js';

export type Address =
  | { kind: 'unix'; path: string }
  | { kind: 'tcp'; host: string; port: number }
  /** systemd's socket activation: all descriptors, or the one with this number. */
  | { kind: 'fd'; number?: number };

/** IANA: docker 2375, docker-s 2376. */
const defaultPorts = { plain: 2375, tls: 2376 };

/** A URL of `-H`. Throws ConfigError in dockerd's words. */
export function parseHost(text: string, tls: boolean): Address {
  const unix = /^unix:\/\/(.*)$/.exec(text);
  if (unix !== null) return { kind: 'unix', path: unix[1] || '/run/noos.sock' };
  const fd = /^fd:\/\/(\d*)$/.exec(text);
  if (fd !== null) return fd[1] === '' ? { kind: 'fd' } : { kind: 'fd', number: Number(fd[1]) };
  const tcp = /^tcp:\/\/(?:(\[[0-9a-fA-F:.]+\]|[^:/]*))(?::(\d{1,5}))?\/?$/.exec(text);
  if (tcp === null) throw new ConfigError(`Invalid bind address format: ${text}`);
  const port = tcp[2] === undefined ? (tls ? defaultPorts.tls : defaultPorts.plain) : Number(tcp[2]);
  if (port > 65535) throw new ConfigError(`Invalid bind address format: ${text}: invalid port`);
  return { kind: 'tcp', host: tcp[1]!.replace(/^\[|\]$/g, '') || '127.0.0.1', port };
}

export interface ListenOptions {
  hosts: readonly string[];
  tls: TlsSetting | undefined;
  /** Numeric; undefined: the socket stays root's. */
  groupId: number | undefined;
  log: Logger;
}

/** systemd.socket(5), sd_listen_fds(3): descriptors start at 3, and are ours when LISTEN_PID says so. */
export function activatedDescriptors(environment: NodeJS.ProcessEnv, pid: number): number[] {
  if (Number(environment.LISTEN_PID) !== pid) return [];
  return Array.from({ length: Number(environment.LISTEN_FDS) || 0 }, (_, index) => 3 + index);
}

const listening = (server: NetServer, options: object): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject).listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });

/** Removes a socket file nobody answers on; one that is answered on is another daemon's. */
async function removeStale(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
  if (alive) throw new ConfigError(`can't create unix socket ${path}: another daemon listens there`);
  await rm(path, { force: true });
}

async function listenUnix(
  path: string,
  groupId: number | undefined,
  accept: (socket: Socket) => void,
): Promise<NetServer> {
  await makeDirectory(dirname(path));
  await removeStale(path);
  const server = createServer({ allowHalfOpen: true }, accept);
  // Until the mode is set nobody but us may connect.
  const mask = process.umask(0o177);
  try {
    await listening(server, { path });
  } finally {
    process.umask(mask);
  }
  if (groupId !== undefined) await chown(path, 0, groupId);
  await chmod(path, 0o660);
  return server;
}

/** RFC 8446 §5.1: the first byte of a TLS connection is that of a handshake record. */
const handshakeRecord = 22;

/** Node's own patience with a TLS handshake. */
const firstByteMs = 120_000;

/** What Go's servers answer to a client that forgot TLS. */
const plainRefusal =
  'HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n';

/** Connections that begin as TLS go to `secure`, the others are told what is wrong. */
function refusePlain(secure: NetServer): (socket: Socket) => void {
  return (socket) => {
    socket.on('error', () => socket.destroy());
    const giveUp = () => socket.destroy();
    socket.setTimeout(firstByteMs, giveUp);
    socket.once('readable', () => {
      socket.setTimeout(0).off('timeout', giveUp);
      const first = socket.read() as Buffer | null;
      if (first === null) {
        socket.destroy();
        return;
      }
      if (first[0] !== handshakeRecord) {
        socket.end(plainRefusal, () => socket.destroy());
        return;
      }
      socket.unshift(first);
      secure.emit('connection', socket);
    });
  };
}

async function listenTcp(
  { host, port }: { host: string; port: number },
  tls: TlsSetting | undefined,
  accept: (socket: Socket | TLSSocket) => void,
  log: Logger,
): Promise<NetServer> {
  let server: NetServer;
  if (tls === undefined) server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  else {
    const read = (path: string, what: string): Promise<Buffer> =>
      readFile(path).catch(() => {
        throw new ConfigError(
          `Could not load X509 ${what} (cert: ${tls.cert}, key: ${tls.key}): open ${path}: no such file or directory`,
        );
      });
    const [cert, key, ca] = await Promise.all([
      read(tls.cert, 'key pair'),
      read(tls.key, 'key pair'),
      tls.verify ? read(tls.ca, 'CA') : undefined,
    ]);
    const secure = createTlsServer(
      {
        cert,
        key,
        ...(ca === undefined ? {} : { ca }),
        requestCert: tls.verify,
        rejectUnauthorized: tls.verify,
        minVersion: 'TLSv1.2',
        allowHalfOpen: true,
        ALPNProtocols: ['http/1.1'],
      },
      accept,
    );
    secure.on('tlsClientError', (error, { authorizationError }) =>
      // A certificate that is refused ends the connection before anything is said of it.
      log.info({ reason: String(authorizationError ?? error.message).trim() }, 'TLS handshake failed'),
    );
    server = createServer({ allowHalfOpen: true, noDelay: true }, refusePlain(secure));
  }
  await listening(server, { host, port });
  return server;
}

export interface Listeners {
  /** Stops accepting and removes the socket files; connections continue. */
  close(): void;
  /** Cuts the connections that are left. */
  cut(): void;
}

/** Listens on every host and hands connections to `api`. Nothing listens when one of them fails. */
export async function listen(api: Server, options: ListenOptions): Promise<Listeners> {
  const servers: NetServer[] = [];
  const connections = new Set<Socket>();
  const accept = (socket: Socket): void => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    api.emit('connection', socket);
  };
  try {
    // Unix sockets last: whoever is answered there may expect that all else listens too.
    const isUnix = (host: string): number => Number(host.startsWith('unix:'));
    for (const host of options.hosts.toSorted((a, b) => isUnix(a) - isUnix(b))) {
      const address = parseHost(host, options.tls !== undefined);
      if (address.kind === 'unix') servers.push(await listenUnix(address.path, options.groupId, accept));
      else if (address.kind === 'tcp') {
        if (options.tls === undefined || !options.tls.verify)
          options.log.warn(
            { host },
            'Binding to IP address without --tlsverify is insecure and gives root access on this machine to everyone who has access to your network.',
          );
        servers.push(await listenTcp(address, options.tls, accept, options.log));
      } else {
        const all = activatedDescriptors(process.env, process.pid);
        const fds = address.number === undefined ? all : all.filter((fd) => fd === address.number);
        if (fds.length === 0)
          throw new ConfigError(
            'no sockets found via socket activation: make sure the service was started by systemd',
          );
        for (const fd of fds) {
          const server = createServer({ allowHalfOpen: true }, accept);
          await listening(server, { fd });
          servers.push(server);
        }
      }
      options.log.info({ host }, 'API listen on');
    }
    // accept(2) fails without descriptors: that connection is lost, the others are served.
    for (const server of servers)
      server.on('error', (error) => options.log.warn({ error: error.message }, 'connection not accepted'));
  } catch (error) {
    for (const server of servers) server.close();
    throw error;
  }
  return {
    close() {
      for (const server of servers) server.close();
    },
    cut() {
      for (const socket of connections) socket.destroy();
    },
  };
}
