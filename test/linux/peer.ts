/**
 * The Linux TCP stack's side of an interoperability test: run inside a network namespace, told what to do by one JSON
 * command a line on standard input, answering with one JSON line each.
 *
 * In: commands of `PeerCommand`. Out: results. May import: nothing of Noos. The peer is Node's `net` on Linux sockets,
 * so every segment comes from the kernel.
 */
import { createHash } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** What the peer does with a connection. */
export type PeerRole =
  /** Sends back every byte, then closes its half when the other has. */
  | 'echo'
  /** Reads to the end, then sends `<bytes> <sha256>` and closes. */
  | 'sink'
  /** Sends `bytes` bytes of the pattern and closes. */
  | 'source'
  /** Accepts and reads nothing until `resume`. */
  | 'stall'
  /** Resets the connection after the first byte. */
  | 'reset';

export type PeerCommand =
  | { id: number; do: 'listen'; port: number; role: PeerRole; bytes?: number }
  /** Connects `count` times one after another (`parallel` at once), sends `bytes`, expects an echo, closes. */
  | {
      id: number;
      do: 'connect';
      address: string;
      port: number;
      count: number;
      parallel: number;
      bytes: number;
    }
  /** Connects once, reads to the end and hashes; sends `bytes` of the pattern first when more than 0. */
  | { id: number; do: 'download'; address: string; port: number; bytes: number }
  | { id: number; do: 'resume' };

export interface PeerResult {
  id: number;
  error?: string;
  bytes?: number;
  sha256?: string;
  completed?: number;
}

/** Byte `offset` of the test pattern: a prime period, so that a lost or repeated segment shows. */
export function pattern(offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let index = 0; index < length; index++) bytes[index] = (offset + index) % 251;
  return bytes;
}

/** SHA-256 of the first `length` bytes of the pattern. */
export function patternDigest(length: number): string {
  const hash = createHash('sha256');
  const chunkBytes = 251 * 256;
  for (let offset = 0; offset < length; offset += chunkBytes)
    hash.update(pattern(offset, Math.min(chunkBytes, length - offset)));
  return hash.digest('hex');
}

const stalled: Socket[] = [];
const servers: Server[] = [];

function sendPattern(socket: Socket, bytes: number): void {
  let offset = 0;
  const more = (): void => {
    while (offset < bytes) {
      const length = Math.min(65_536, bytes - offset);
      const flowing = socket.write(pattern(offset, length));
      offset += length;
      if (!flowing) {
        socket.once('drain', more);
        return;
      }
    }
    socket.end();
  };
  more();
}

function serve(socket: Socket, role: PeerRole, bytes: number): void {
  socket.on('error', () => socket.destroy());
  if (role === 'echo') socket.pipe(socket);
  else if (role === 'source') sendPattern(socket.resume(), bytes);
  else if (role === 'reset') socket.once('data', () => socket.resetAndDestroy());
  else {
    if (role === 'stall') stalled.push(socket.pause());
    const hash = createHash('sha256');
    let received = 0;
    socket.on('data', (chunk) => {
      hash.update(chunk);
      received += chunk.length;
    });
    if (role === 'stall') socket.pause();
    socket.on('end', () => socket.end(`${received} ${hash.digest('hex')}`));
  }
}

function listen(command: Extract<PeerCommand, { do: 'listen' }>): Promise<PeerResult> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true }, (socket) =>
      serve(socket, command.role, command.bytes ?? 0),
    );
    servers.push(server);
    server.once('error', (error) => resolve({ id: command.id, error: error.message }));
    server.listen(command.port, () => resolve({ id: command.id }));
  });
}

function exchange(address: string, port: number, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const expected = pattern(0, bytes);
    const received: Buffer[] = [];
    const socket = connect(port, address, () => socket.end(expected));
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('error', reject);
    socket.on('close', () =>
      Buffer.concat(received).equals(expected)
        ? resolve()
        : reject(new Error('the echo differs from what was sent')),
    );
  });
}

async function connectMany(command: Extract<PeerCommand, { do: 'connect' }>): Promise<PeerResult> {
  let started = 0;
  let completed = 0;
  let error: string | undefined;
  const worker = async (): Promise<void> => {
    while (started < command.count && error === undefined) {
      started++;
      try {
        await exchange(command.address, command.port, command.bytes);
        completed++;
      } catch (cause) {
        error = (cause as Error).message;
      }
    }
  };
  await Promise.all(Array.from({ length: command.parallel }, worker));
  return error === undefined ? { id: command.id, completed } : { id: command.id, completed, error };
}

function download(command: Extract<PeerCommand, { do: 'download' }>): Promise<PeerResult> {
  return new Promise((resolve) => {
    const hash = createHash('sha256');
    let bytes = 0;
    let failure: string | undefined;
    const socket = connect({ port: command.port, host: command.address, allowHalfOpen: true }, () =>
      sendPattern(socket, command.bytes),
    );
    socket.on('data', (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.on('close', () => {
      const result = { id: command.id, bytes, sha256: hash.digest('hex') };
      resolve(failure === undefined ? result : { ...result, error: failure });
    });
  });
}

async function execute(command: PeerCommand): Promise<PeerResult> {
  switch (command.do) {
    case 'listen':
      return listen(command);
    case 'connect':
      return connectMany(command);
    case 'download':
      return download(command);
    case 'resume':
      for (const socket of stalled.splice(0)) socket.resume();
      return { id: command.id };
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname)
  for await (const line of createInterface({ input: process.stdin }))
    void execute(JSON.parse(line) as PeerCommand).then((result) =>
      process.stdout.write(`${JSON.stringify(result)}\n`),
    );
