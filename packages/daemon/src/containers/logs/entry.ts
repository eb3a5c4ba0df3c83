/**
 * conmon's log format (k8s-file, the Kubernetes CRI format): `<RFC 3339 time> <stream> <F|P> <text>\n`, where P says
 * that the line continues in the next entry of the stream. All parts before the text have fixed widths. A tag E is ours: the
 * stream ended within a line (seal.ts).
 *
 * In: bytes. Out: positions and times. May import: nothing.
 */

/** `2006-01-02T15:04:05.000000000+00:00` */
const secondsBytes = 19;
const zoneOffset = 29;
const streamOffset = 36;
const tagOffset = 43;
/** Where an entry's text begins. */
export const textOffset = 45;
/** `2006-01-02T15:04:05.000000000Z`: what Docker prints (RFC3339NanoFixed). */
export const stampBytes = 30;

const space = 0x20;
const letter = { e: 0x65, o: 0x6f, E: 0x45, F: 0x46, P: 0x50 };

/** True when an entry of `length` bytes at `at` has the format; damaged ones are left out by readers. */
export function isEntry(bytes: Buffer, at: number, length: number): boolean {
  if (length < textOffset) return false;
  const tag = bytes[at + tagOffset];
  const stream = bytes[at + streamOffset + 3];
  return (
    bytes[at + streamOffset - 1] === space &&
    bytes[at + tagOffset - 1] === space &&
    bytes[at + textOffset - 1] === space &&
    (tag === letter.F || tag === letter.P || tag === letter.E) &&
    (stream === letter.o || stream === letter.e)
  );
}

export const isPartial = (bytes: Buffer, at: number): boolean => bytes[at + tagOffset] === letter.P;

/** The line before it has no newline: its stream ended. */
export const isEnd = (bytes: Buffer, at: number): boolean => bytes[at + tagOffset] === letter.E;

export const isStderr = (bytes: Buffer, at: number): boolean => bytes[at + streamOffset + 3] === letter.e;

/** A point in time: `nanos` within the second. */
export interface LogTime {
  seconds: number;
  nanos: number;
}

export const isBefore = (one: LogTime, other: LogTime): boolean =>
  one.seconds !== other.seconds ? one.seconds < other.seconds : one.nanos < other.nanos;

/** Reads times of entries; the part up to the second is parsed once for all entries of that second. */
export function createTimeReader(): {
  time(bytes: Buffer, at: number): LogTime;
  stamp(bytes: Buffer, at: number): string;
} {
  let text = '';
  let seconds = 0;
  let utc = '';
  const read = (bytes: Buffer, at: number) => {
    const next =
      bytes.toString('latin1', at, at + secondsBytes) +
      bytes.toString('latin1', at + zoneOffset, at + zoneOffset + 6);
    if (next === text) return;
    text = next;
    const parsed = Date.parse(next);
    seconds = Number.isNaN(parsed) ? 0 : parsed / 1000;
    utc = new Date(seconds * 1000).toISOString().slice(0, secondsBytes);
  };
  return {
    time(bytes, at) {
      read(bytes, at);
      return { seconds, nanos: Number(bytes.toString('latin1', at + secondsBytes + 1, at + zoneOffset)) };
    },
    /** The time in UTC as Docker prints it. */
    stamp(bytes, at) {
      read(bytes, at);
      return `${utc}${bytes.toString('latin1', at + secondsBytes, at + zoneOffset)}Z`;
    },
  };
}
