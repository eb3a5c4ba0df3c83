/**
 * Measures the time to the first answer by asking for it.
 *
 * In: a published port. Out: when it first answered over HTTP. May import: run's types.
 */
import { get } from 'node:http';
import type { PublishedPort } from './gateway/port-spec.js';
import type { FirstAnswer } from './run-options.js';

/** Between attempts when a connection is refused. */
const retryMs = 5;

/** Asks for `/` until any HTTP answer comes; undefined when the unikernel ended before. */
export async function probeFirstAnswer(
  port: PublishedPort,
  startMs: number,
  exited: Promise<unknown>,
): Promise<FirstAnswer | undefined> {
  const end = new AbortController();
  exited.finally(() => end.abort()).catch(() => {});
  const unspecified = port.hostAddress === undefined || /^(0\.0\.0\.0|::)$/.test(port.hostAddress);
  const host = unspecified ? '127.0.0.1' : port.hostAddress;
  while (!end.signal.aborted) {
    const status = await new Promise<number | undefined>((resolve) => {
      const request = get(
        { host, port: port.hostPort, path: '/', agent: false, signal: end.signal },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      );
      request.on('error', () => resolve(undefined));
    });
    if (status !== undefined) return { afterMs: performance.now() - startMs, status };
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
  return undefined;
}
