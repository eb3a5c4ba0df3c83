/**
 * Joins a connection of the stack and a socket of the host: bytes, half-close, reset and back-pressure both ways.
 *
 * In: both ends, connected. Out: nothing; it ends when both have. May import: libos's types.
 */
import type { Socket } from 'node:net';
import type { TcpConnection } from '@noos/libos';

/** Idle connections end after this long: 2 hours 4 minutes at least (RFC 5382 REQ-5). */
const idleMs = 7_440_000;

/** The socket has to be made with `allowHalfOpen`. `ended` is called once. */
export function splice(connection: TcpConnection, socket: Socket, ended: () => void): void {
  let unsent: Uint8Array | undefined;
  let socketEnded = false;
  let connectionOpen = true;

  function toSocket(): void {
    while (connectionOpen && !socket.writableNeedDrain) {
      const bytes = connection.read();
      if (bytes.length === 0) break;
      socket.write(bytes);
    }
    if (connectionOpen && connection.finished()) socket.end();
  }

  function toConnection(): void {
    if (unsent === undefined) return;
    const taken = connection.write(unsent);
    unsent = taken < unsent.length ? unsent.subarray(taken) : undefined;
    if (unsent !== undefined) return;
    if (socketEnded) connection.shutdown();
    else socket.resume();
  }

  connection.onReadable = toSocket;
  connection.onWritable = toConnection;
  connection.onClosed = (error) => {
    // Its last bytes go with it: they are taken now, however slowly the socket drains.
    if (error === 0)
      for (let bytes = connection.read(); bytes.length > 0; bytes = connection.read()) socket.write(bytes);
    connectionOpen = false;
    if (error === 0) socket.end();
    else socket.resetAndDestroy();
  };
  socket.setTimeout(idleMs, () => socket.destroy(new Error('idle')));
  socket.setNoDelay(true);
  socket.on('drain', toSocket);
  socket.on('data', (bytes) => {
    if (!connectionOpen) return;
    unsent = bytes;
    toConnection();
    if (unsent !== undefined) socket.pause();
  });
  socket.on('end', () => {
    socketEnded = true;
    if (connectionOpen && unsent === undefined) connection.shutdown();
  });
  // The close that follows an error tells the connection.
  socket.on('error', () => {});
  socket.on('close', (failed) => {
    if (connectionOpen) {
      connectionOpen = false;
      if (failed || !socketEnded) connection.abort();
      else connection.release();
    }
    ended();
  });
  socket.resume();
  toSocket();
}
