/**
 * What our side of an interoperability test does with a connection: the counterparts of the peer's roles.
 *
 * In: connections of a `Stack`. Out: bytes and digests. May import: libos, peer (the pattern).
 */
import { createHash } from 'node:crypto';
import type { TcpConnection } from '@noos/libos';
import { pattern } from './peer.js';

/** Sends back everything and closes its half after the other. */
export function echo(connection: TcpConnection): void {
  const pump = (): void => {
    for (let bytes = connection.peek(); bytes.length > 0; bytes = connection.peek()) {
      const taken = connection.write(bytes.slice());
      connection.consume(taken);
      if (taken === 0) return;
    }
    if (connection.finished()) connection.shutdown();
  };
  connection.onReadable = pump;
  connection.onWritable = pump;
}

/** Sends `bytes` bytes of the pattern, then FIN; `onTaken` hears how many the stack has taken. */
export function sendPattern(
  connection: TcpConnection,
  bytes: number,
  onTaken: (bytes: number) => void = () => {},
): void {
  let offset = 0;
  const pump = (): void => {
    while (offset < bytes) {
      const chunk = pattern(offset, Math.min(65_536, bytes - offset));
      const taken = connection.write(chunk);
      offset += taken;
      onTaken(offset);
      if (taken < chunk.length) return;
    }
    connection.shutdown();
    connection.onWritable = () => {};
  };
  connection.onWritable = pump;
  pump();
}

export interface Received {
  bytes: number;
  sha256: string;
}

/** Reads to the peer's FIN. Rejects when the connection ends before. */
export function receiveAll(connection: TcpConnection): Promise<Received> {
  const hash = createHash('sha256');
  let bytes = 0;
  return new Promise((resolve, reject) => {
    connection.onReadable = () => {
      for (let chunk = connection.read(); chunk.length > 0; chunk = connection.read()) {
        hash.update(chunk);
        bytes += chunk.length;
      }
      if (!connection.finished()) return;
      connection.onReadable = () => {};
      resolve({ bytes, sha256: hash.digest('hex') });
    };
    connection.onClosed = (error) =>
      reject(new Error(`the connection ended with ${error} after ${bytes} bytes`));
  });
}

/** Reads to the peer's FIN and returns it as text. */
export function receiveText(connection: TcpConnection): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    connection.onReadable = () => {
      text += Buffer.from(connection.read()).toString();
      if (connection.finished()) resolve(text);
    };
  });
}
