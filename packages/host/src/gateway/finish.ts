/**
 * Ends sockets of the host whose guest is gone: what was written to them is still sent.
 *
 * In: sockets. Out: nothing is open. May import: nothing.
 */
import type { Socket } from 'node:net';

/** How long a peer may take to read the last bytes. */
const patienceMs = 1000;

/** Resolves when all are closed; those that take too long are destroyed. */
export async function finishSockets(sockets: Iterable<Socket>): Promise<void> {
  const open = [...sockets].filter((socket) => !socket.destroyed);
  const timer = setTimeout(() => {
    for (const socket of open) socket.destroy();
  }, patienceMs);
  await Promise.all(
    open.map((socket) => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      if (socket.connecting) socket.destroy();
      else socket.destroySoon();
      return closed;
    }),
  );
  clearTimeout(timer);
}
