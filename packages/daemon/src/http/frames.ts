/**
 * Docker's multiplexed stream: stdout and stderr in one, each chunk behind a header of eight bytes.
 *
 * In: chunks. Out: frames. May import: nothing.
 */

export const streamTypes = { stdin: 0, stdout: 1, stderr: 2, systemError: 3 } as const;

/** Stream type, three zero bytes, length as 32-bit big-endian (API: ContainerAttach, "Stream format"). */
export const frameHeaderBytes = 8;

/** The header of a frame; write it and the chunk one after the other to spare a copy. */
export function frameHeader(stream: keyof typeof streamTypes, length: number): Buffer {
  const header = Buffer.alloc(frameHeaderBytes);
  header[0] = streamTypes[stream];
  header.writeUInt32BE(length, 4);
  return header;
}

/** Header and chunk in one buffer. */
export function frame(stream: keyof typeof streamTypes, chunk: Uint8Array): Buffer {
  return Buffer.concat([frameHeader(stream, chunk.length), chunk]);
}
