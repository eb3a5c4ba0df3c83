/**
 * TCP: listening and connecting.
 *
 * In: the `tcp` event. Out: `listen`, `connect`. Imports core, net.
 */
import { dispatchKinds, socketEvents } from '@noos/abi';
import { requireRunning } from '../core/build-time.js';
import { systemError } from '../core/errors.js';
import { host, onDispatch } from '../core/host.js';
import { reportError } from '../core/report.js';
import { checkAddress, checkPort, formatAddress } from './addresses.js';
import { Connection, connectionEvent } from './connection.js';
import { resolveName } from './resolve.js';

export interface ListenOptions {
  port: number;
  /** One of this machine's addresses; all unless given. */
  address?: string;
  /** Connections that may wait to be accepted. Default 128. */
  backlog?: number;
}

export interface Listener {
  readonly port: number;
  /** Stops accepting; connections continue. */
  close(): void;
}

export interface ConnectOptions {
  /** Name or IPv4 address. */
  host: string;
  port: number;
}

const defaultBacklog = 128;

type EventHandler = (bits: number) => void;
const sockets = new Map<number, EventHandler>();

onDispatch(dispatchKinds.tcp, ((handle: number, bits: number) => sockets.get(handle)?.(bits)) as never);

function open(handle: number): Connection {
  const connection = new Connection(handle, () => sockets.delete(handle));
  sockets.set(handle, (bits) => connectionEvent(connection, bits));
  return connection;
}

async function serve(connection: Connection, handler: (connection: Connection) => unknown): Promise<void> {
  try {
    await handler(connection);
  } catch (error) {
    reportError(error, 'a connection handler');
    connection.abort();
  }
}

/**
 * Accepts connections and gives each to `handler`; what it throws or rejects with is logged and resets the connection.
 * @throws SystemError EADDRINUSE, EADDRNOTAVAIL, ENOBUFS
 */
export function listen(options: ListenOptions, handler: (connection: Connection) => unknown): Listener {
  requireRunning('listen()');
  if (typeof handler !== 'function') throw new TypeError('listen: the handler must be a function');
  const port = checkPort(options.port);
  const handle = host.tcpListen(port, checkAddress(options.address), options.backlog ?? defaultBacklog);
  if (handle < 0) throw systemError(handle, `listen on port ${port}`);
  sockets.set(handle, (bits) => {
    if ((bits & socketEvents.acceptable) === 0) return;
    for (let accepted = host.tcpAccept(handle); accepted > 0; accepted = host.tcpAccept(handle))
      void serve(open(accepted), handler);
  });
  return {
    port,
    close() {
      if (sockets.delete(handle)) host.tcpClose(handle);
    },
  };
}

/**
 * Connects to a name or address, trying the name's addresses in turn.
 * @throws SystemError ENOTFOUND, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  requireRunning('connect()');
  const port = checkPort(options.port);
  const { addresses } = await resolveName(options.host);
  let failure: unknown;
  for (const address of addresses)
    try {
      return await connectTo(address, port);
    } catch (error) {
      failure = error;
    }
  throw failure;
}

function connectTo(address: number, port: number): Promise<Connection> {
  const target = `connect to ${formatAddress(address)}:${port}`;
  return new Promise((resolve, reject) => {
    const handle = host.tcpConnect(address, port);
    if (handle < 0) {
      reject(systemError(handle, target));
      return;
    }
    sockets.set(handle, (bits) => {
      if ((bits & socketEvents.connected) !== 0) {
        const connection = open(handle);
        resolve(connection);
        if ((bits & ~socketEvents.connected) !== 0) connectionEvent(connection, bits);
      } else if ((bits & socketEvents.closed) !== 0) {
        sockets.delete(handle);
        reject(systemError(host.tcpError(handle), target));
      }
    });
  });
}
