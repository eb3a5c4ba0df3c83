/**
 * Consoles: the clients of each container share one connection to its standard streams. Clients may come before the
 * container starts; they see its output from the first byte.
 *
 * In: containers' lives (an observer), attach requests. Out: streams for each client. May import: workload types.
 */
import { PassThrough } from 'node:stream';
import type { AttachedStreams } from '../../workload/types.js';
import type { OutputStream } from './multiplex.js';

type Listener = (stream: OutputStream, bytes: Buffer) => void;

/** What a console needs to know of its container. */
export interface ConsoleSource {
  id: string;
  /** Standard input would end with our connection: it is kept until the container ends. */
  keep: boolean;
  running: boolean;
  connect(): Promise<AttachedStreams>;
}

interface Tap {
  listeners: Listener[];
  /** Output that came before the first listener. */
  early: [OutputStream, Buffer][];
  paused: boolean;
  input: PassThrough;
  close(): void;
}

interface Console {
  taps: Set<Tap>;
  source?: AttachedStreams;
  connecting?: Promise<void>;
}

export interface Consoles {
  /** Streams of one client; closed when the container's are. */
  attach(source: ConsoleSource): Promise<AttachedStreams>;
  /** The workload exists: clients that wait are joined to it. */
  created(source: ConsoleSource): Promise<void>;
  /** Clients that still wait for a start are let go. */
  stopped(id: string): void;
}

/** Clients by container; nothing is kept for containers without clients. */
export function createConsoles(): Consoles {
  const consoles = new Map<string, Console>();

  function flow(console: Console): void {
    for (const tap of console.taps)
      if (tap.paused) {
        console.source?.pause();
        return;
      }
    console.source?.resume();
  }

  function forward(tap: Tap, source: AttachedStreams): void {
    tap.input.on('data', (chunk: Buffer) => {
      if (!source.input.writable || source.input.write(chunk)) return;
      tap.input.pause();
      source.input.once('drain', () => tap.input.resume());
    });
    tap.input.on('end', () => source.input.end());
  }

  function join(id: string, console: Console, source: AttachedStreams): void {
    console.source = source;
    source.input.on('error', () => {});
    source.onOutput((stream, bytes) => {
      for (const tap of console.taps) {
        if (tap.listeners.length === 0) tap.early.push([stream, bytes]);
        for (const listener of tap.listeners) listener(stream, bytes);
      }
    });
    for (const tap of console.taps) forward(tap, source);
    flow(console);
    void source.closed.then(() => {
      delete console.source;
      for (const tap of [...console.taps]) tap.close();
      consoles.delete(id);
    });
  }

  async function connect(console: Console, source: ConsoleSource): Promise<void> {
    if (console.source !== undefined) return;
    console.connecting ??= source
      .connect()
      .then((streams) => join(source.id, console, streams))
      .finally(() => {
        delete console.connecting;
      });
    await console.connecting;
  }

  function addTap(id: string, console: Console, keep: boolean): AttachedStreams {
    let closed!: () => void;
    const closing = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const tap: Tap = {
      listeners: [],
      early: [],
      paused: true,
      input: new PassThrough(),
      close() {
        if (!console.taps.delete(tap)) return;
        // Ended input is still passed on; input that only stopped leaves the container's open.
        if (!tap.input.writableEnded) tap.input.destroy();
        closed();
        if (console.taps.size > 0) return flow(console);
        if (keep && console.source !== undefined) return flow(console);
        console.source?.close();
        delete console.source;
        if (console.connecting === undefined) consoles.delete(id);
      },
    };
    console.taps.add(tap);
    if (console.source !== undefined) forward(tap, console.source);
    const pause = (paused: boolean) => {
      tap.paused = paused;
      flow(console);
    };
    return {
      onOutput(listener) {
        tap.listeners.push(listener);
        for (const [stream, bytes] of tap.early.splice(0)) listener(stream, bytes);
        pause(false);
      },
      closed: closing,
      input: tap.input,
      pause: () => pause(true),
      resume: () => pause(false),
      close: tap.close,
    };
  }

  return {
    async attach(source) {
      const console = consoles.get(source.id) ?? { taps: new Set() };
      consoles.set(source.id, console);
      const streams = addTap(source.id, console, source.keep);
      try {
        if (source.running) await connect(console, source);
      } catch (error) {
        streams.close();
        throw error;
      }
      return streams;
    },
    async created(source) {
      const console = consoles.get(source.id);
      if (console !== undefined && console.taps.size > 0) await connect(console, source);
    },
    stopped(id) {
      const console = consoles.get(id);
      if (console === undefined || console.source !== undefined || console.connecting !== undefined) return;
      for (const tap of [...console.taps]) tap.close();
    },
  };
}
