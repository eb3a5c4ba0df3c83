/**
 * The inside of target node's thread.
 *
 * In: an image and options from thread.ts. Out: messages to it. May import: run-here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { runHere } from '../run-here.js';
import type { FromThread, ThreadInput, ToThread } from './thread.js';

const port = parentPort!;
const send = (message: FromThread): void => port.postMessage(message);
const { imagePath, name, options } = workerData as ThreadInput;

try {
  const running = await runHere(imagePath, name, {
    ...options,
    console: (stream, bytes) => send({ kind: 'console', stream, bytes }),
    note: (line) => send({ kind: 'note', line }),
  });
  port.on('message', (message: ToThread) => (message === 'stop' ? running.stop() : running.kill()));
  send({ kind: 'started', ports: running.ports });
  send({ kind: 'exited', code: await running.exited });
} catch (error) {
  const { name: errorName, code = '', message } = error as Error & { code?: string };
  send({ kind: 'failed', name: errorName, code, message });
}
port.close();
