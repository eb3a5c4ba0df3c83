/**
 * Log entries → what `docker logs` prints: selected, joined, with time and details, multiplexed.
 *
 * In: whole entries of conmon's log. Out: bytes for the client, one frame a line. May import: streams.
 */
import { frameHeaderBytes, streamTypes, writeFrameHeader } from '../streams/multiplex.js';
import {
  createTimeReader,
  isBefore,
  isEnd,
  isEntry,
  isPartial,
  isStderr,
  type LogTime,
  stampBytes,
  textOffset,
} from './entry.js';

export interface LogFormat {
  stdout: boolean;
  stderr: boolean;
  since?: LogTime;
  until?: LogTime;
  timestamps: boolean;
  /** What `--details` puts before each line, with its space. */
  details: string;
  /** Frames with stream types: everything but terminals. */
  multiplex: boolean;
}

export interface LogFormatter {
  /** What `entries` (whole lines of the log) print. */
  format(entries: Buffer): Buffer;
  /** An entry after `until` was met: nothing more will be printed. */
  readonly done: boolean;
  /** The lines whose end never came, as they were written. */
  finish(): Buffer;
}

const newline = 0x0a;

/** Longest line that is held until it is whole (moby daemon/logger/copier.go: defaultBufSize). */
const lineLimitBytes = 16 * 1024;

/** The beginning of a line whose end has not come yet. */
interface Pending {
  stamp: string;
  parts: Buffer[];
  bytes: number;
  /** A part was printed already: time and details too. */
  begun: boolean;
}

/** A formatter for one reader; it remembers unfinished lines between calls. */
export function createLogFormatter(options: LogFormat): LogFormatter {
  const details = Buffer.from(options.details);
  const times = createTimeReader();
  const pending: { stdout: Pending | undefined; stderr: Pending | undefined } = {
    stdout: undefined,
    stderr: undefined,
  };
  const headerBytes = options.multiplex ? frameHeaderBytes : 0;
  const prefixBytes = headerBytes + (options.timestamps ? stampBytes + 1 : 0) + details.length;
  let done = false;
  let output = Buffer.alloc(0);
  let length = 0;

  /** Prints one line or a part of it: what was pending, then `bytes[from, to)`. */
  function print(
    stderr: boolean,
    stamp: string,
    before: Pending | undefined,
    bytes: Buffer,
    from: number,
    to: number,
  ) {
    const begun = before?.begun ?? false;
    const start = length;
    length += headerBytes;
    if (!begun) {
      if (options.timestamps) length += output.write(`${before?.stamp ?? stamp} `, length, 'latin1');
      length += details.copy(output, length);
    }
    for (const part of before?.parts ?? []) length += part.copy(output, length);
    length += bytes.copy(output, length, from, to);
    if (options.multiplex) {
      const type = stderr ? streamTypes.stderr : streamTypes.stdout;
      writeFrameHeader(output, start, type, length - start - headerBytes);
    }
  }

  /** Prints what there is of a line that nothing will end. */
  function printOpen(stream: 'stdout' | 'stderr'): void {
    const line = pending[stream];
    pending[stream] = undefined;
    if (line !== undefined && line.parts.length > 0)
      print(stream === 'stderr', line.stamp, line, Buffer.alloc(0), 0, 0);
  }

  function entry(bytes: Buffer, at: number, end: number): void {
    if (!isEntry(bytes, at, end - at)) return;
    if (options.since !== undefined || options.until !== undefined) {
      const time = times.time(bytes, at);
      if (options.since !== undefined && isBefore(time, options.since)) return;
      if (options.until !== undefined && isBefore(options.until, time)) {
        done = true;
        return;
      }
    }
    const stderr = isStderr(bytes, at);
    const stream = stderr ? 'stderr' : 'stdout';
    if (!options[stream]) return;
    const stamp = options.timestamps ? times.stamp(bytes, at) : '';
    const before = pending[stream];
    const from = at + textOffset;
    if (isEnd(bytes, at)) {
      printOpen(stream);
      return;
    }
    if (!isPartial(bytes, at)) {
      print(stderr, stamp, before, bytes, from, end + 1);
      pending[stream] = undefined;
      return;
    }
    const line = before ?? { stamp, parts: [], bytes: 0, begun: false };
    pending[stream] = line;
    if (line.bytes + end - from <= lineLimitBytes) {
      line.parts.push(Buffer.from(bytes.subarray(from, end)));
      line.bytes += end - from;
      return;
    }
    print(stderr, stamp, line, bytes, from, end);
    pending[stream] = { stamp: line.stamp, parts: [], bytes: 0, begun: true };
  }

  function makeRoom(bytes: number): void {
    output = Buffer.allocUnsafe(bytes);
    length = 0;
  }

  return {
    format(entries) {
      // An entry loses `textOffset` bytes and gains at most `prefixBytes`.
      const lines = Math.ceil(entries.length / textOffset);
      const held = (pending.stdout?.bytes ?? 0) + (pending.stderr?.bytes ?? 0);
      makeRoom(entries.length + held + lines * Math.max(0, prefixBytes - textOffset) + 2 * prefixBytes);
      for (let at = 0; !done; ) {
        const end = entries.indexOf(newline, at);
        if (end < 0) break;
        entry(entries, at, end);
        at = end + 1;
      }
      return output.subarray(0, length);
    },
    get done() {
      return done;
    },
    finish() {
      makeRoom(2 * (prefixBytes + lineLimitBytes));
      printOpen('stdout');
      printOpen('stderr');
      return output.subarray(0, length);
    },
  };
}
