/**
 * Docker's multiplexed stream: frames of stream type, three zeros, length (32-bit big-endian), bytes.
 *
 * In: chunks of standard output and error. Out: frames. May import: nothing.
 */

/** API: "Attach to a container", Stream format. */
export const streamTypes = { stdin: 0, stdout: 1, stderr: 2, systemError: 3 } as const;
export type OutputStream = 'stdout' | 'stderr';

export const frameHeaderBytes = 8;

/** The header of a frame that carries `length` bytes. */
export function frameHeader(stream: keyof typeof streamTypes, length: number): Buffer {
  const header = Buffer.allocUnsafe(frameHeaderBytes);
  writeFrameHeader(header, 0, streamTypes[stream], length);
  return header;
}

/** Writes a header at `offset` of a buffer that has room for it. */
export function writeFrameHeader(into: Buffer, offset: number, type: number, length: number): void {
  into.writeUInt32BE(type << 24, offset);
  into.writeUInt32BE(length, offset + 4);
}

/** One frame as one buffer: for short texts. */
export const frame = (stream: keyof typeof streamTypes, bytes: Uint8Array): Buffer =>
  Buffer.concat([frameHeader(stream, bytes.length), bytes]);
