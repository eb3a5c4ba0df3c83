/**
 * Runs the container of a RUN to its end and passes its output on, character by character whole.
 *
 * In: a created container. Out: its exit code. May import: containers/types, workload/types.
 */
import { StringDecoder } from 'node:string_decoder';
import type { Container, Containers } from '../../containers/types.js';
import type { AttachedStreams } from '../../workload/types.js';
import type { RunContainer } from '../types.js';

export interface RunContainerDependencies {
  containers: Pick<Containers, 'get' | 'start' | 'wait' | 'remove'>;
  /** Standard streams of a container that is not started yet. */
  attach(container: Container): Promise<AttachedStreams>;
}

export const createRunContainer =
  ({ containers, attach }: RunContainerDependencies): RunContainer =>
  async (id, output, signal) => {
    const streams = await attach(containers.get(id));
    const decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
    const pass = (stream: 'stdout' | 'stderr', text: string): void => {
      if (text !== '') output(stream, text);
    };
    streams.onOutput((stream, bytes) => pass(stream, decoders[stream].write(bytes)));
    const ended = new AbortController();
    // Removal is what ends it: a process may ignore every other request.
    const abort = (): void => {
      containers.remove(id, { force: true, volumes: true }).catch(() => {});
      ended.abort();
    };
    signal.addEventListener('abort', abort, { once: true });
    try {
      signal.throwIfAborted();
      const exit = containers.wait(id, 'next-exit', ended.signal);
      // Looked at below, unless the start fails first.
      exit.catch(() => {});
      await containers.start(id);
      const { StatusCode } = await exit;
      await streams.closed;
      for (const stream of ['stdout', 'stderr'] as const) pass(stream, decoders[stream].end());
      return StatusCode;
    } finally {
      signal.removeEventListener('abort', abort);
      ended.abort();
      streams.close();
    }
  };
