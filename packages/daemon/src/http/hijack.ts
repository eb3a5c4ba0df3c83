/**
 * Takes a connection over from HTTP: attach and exec speak raw bytes both ways on it.
 *
 * In: a request and its connection. Out: the connection, after the header. May import: nothing of the daemon.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** node:http's own listeners on a connection, all but `close`, which frees its parser. */
const parserEvents = ['data', 'end', 'drain', 'error', 'timeout'] as const;

/** Back to the state of a new stream: what arrives waits for the next reader, in either mode. */
function stopFlow(socket: Socket): void {
  const listener = (): void => {};
  socket.on('readable', listener).off('readable', listener);
}

/**
 * Sends the header (101 when the client asked to upgrade, else 200, as dockerd) and returns the connection: half open
 * is allowed, so the client may end its side and still read ours.
 */
export function hijackConnection(
  request: IncomingMessage,
  response: ServerResponse,
  contentType: string,
  hasLeftParser: boolean,
): Socket {
  const { socket } = request;
  // An upgraded connection has left the parser already; another one is taken from it here.
  if (!hasLeftParser) {
    for (const event of parserEvents) socket.removeAllListeners(event);
    stopFlow(socket);
  }
  response.detachSocket(socket);
  // A client that goes away is seen by `close`; without a listener the error would end the daemon.
  socket.on('error', () => socket.destroy());
  socket.setTimeout(0);
  const upgrade = request.headers.upgrade;
  const head =
    upgrade === undefined
      ? ['HTTP/1.1 200 OK', `Content-Type: ${contentType}`]
      : [
          'HTTP/1.1 101 UPGRADED',
          `Content-Type: ${contentType}`,
          'Connection: Upgrade',
          `Upgrade: ${upgrade}`,
        ];
  for (const [name, value] of Object.entries(response.getHeaders())) head.push(`${name}: ${value}`);
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  return socket;
}

/**
 * The body of a request that asked to upgrade: node:http leaves it on the connection. Resolves with at most
 * `limitBytes`, and gives back what follows it. Throws RangeError when it is longer or of unknown length.
 */
export function readUpgradeBody(request: IncomingMessage, head: Buffer, limitBytes: number): Promise<Buffer> {
  const { socket, headers } = request;
  const length = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] !== undefined || !(length <= limitBytes))
    return Promise.reject(new RangeError('http: request body too large'));
  return new Promise((resolve, reject) => {
    let received = head;
    const finish = (): void => {
      // Without a listener of either kind the stream neither flows nor is paused: nothing is lost, any reader starts it.
      socket.off('readable', take).off('close', cut).off('end', cut);
      if (received.length > length) socket.unshift(received.subarray(length));
      resolve(received.subarray(0, length));
    };
    const cut = (): void => reject(new Error('unexpected EOF'));
    const take = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      received = Buffer.concat([received, chunk]);
      if (received.length >= length) finish();
    };
    if (received.length >= length) finish();
    else socket.on('readable', take).on('close', cut).on('end', cut);
  });
}
