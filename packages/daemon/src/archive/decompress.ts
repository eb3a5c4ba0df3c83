/**
 * Opens compressed archives by what they begin with: gzip here, zstd, xz and bzip2 by the host's programs.
 *
 * In: a stream of bytes. Out: the stream uncompressed; errors of either end destroy the other. May import: errors.
 */
import { spawn } from 'node:child_process';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { DaemonError } from '../errors.js';

export type Compression = 'none' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

const magic: readonly [Exclude<Compression, 'none'>, Buffer][] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['bzip2', Buffer.from('BZh')],
];
const longestMagic = 6;
/** Larger pieces than zlib's 16 KiB: fewer turns between its threads and ours. */
const chunkBytes = 256 * 1024;

/** By the first bytes; a shorter beginning is `none`. */
export const detectCompression = (start: Uint8Array): Compression =>
  magic.find(([, bytes]) => bytes.equals(start.subarray(0, bytes.length)))?.[0] ?? 'none';

function throughProgram(input: Readable, program: string): Readable {
  const child = spawn(program, ['-dc'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const output = new PassThrough({ highWaterMark: chunkBytes });
  child.on('error', (cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? `the program ${program} is not installed` : cause.message;
    output.destroy(new DaemonError('system', `cannot decompress: ${reason}`, { cause }));
  });
  // Without descriptors (EMFILE) there are no pipes; the error event follows.
  if (child.stdin === undefined) return output;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < 1024) said += text;
  });
  // The child may end before it has read everything; its status tells.
  pipeline(input, child.stdin, (error) => {
    if (error && error.code !== 'EPIPE') output.destroy(error);
  });
  child.stdout.pipe(output, { end: false });
  child.on('close', (status) =>
    status === 0 ? output.end() : output.destroy(new DaemonError('invalid', `${program}: ${said.trim()}`)),
  );
  output.on('close', () => {
    child.kill('SIGKILL');
    input.destroy();
  });
  return output;
}

/** The first bytes of `input`, and a stream that has them still. Rejects when `input` fails before. */
export async function peek(input: Readable, count: number): Promise<{ start: Buffer; stream: Readable }> {
  const chunks: Buffer[] = [];
  let length = 0;
  while (length < count) {
    const chunk: Buffer | null = input.read();
    if (chunk !== null) {
      chunks.push(chunk);
      length += chunk.length;
      continue;
    }
    if (input.readableEnded || input.errored) break;
    const more = await new Promise<boolean>((resolve, reject) => {
      const settle = (act: () => void) => () => {
        input.off('readable', onReadable).off('end', onEnd).off('error', onError).off('close', onEnd);
        act();
      };
      const onReadable = settle(() => resolve(true));
      const onEnd = settle(() => resolve(false));
      const onError = (error: Error) => settle(() => reject(error))();
      input.on('readable', onReadable).on('end', onEnd).on('error', onError).on('close', onEnd);
    });
    if (!more) break;
  }
  const start = Buffer.concat(chunks, length);
  if (input.readableEnded) {
    const whole = new PassThrough();
    whole.end(start);
    return { start, stream: whole };
  }
  if (length > 0) input.unshift(start);
  return { start, stream: input };
}

/** The uncompressed stream. Rejects when `input` fails before its first bytes. */
export async function decompress(input: Readable): Promise<Readable> {
  const { start, stream } = await peek(input, longestMagic);
  const compression = detectCompression(start);
  if (compression === 'none') return stream;
  if (compression !== 'gzip') return throughProgram(stream, compression);
  return pipeline(stream, createGunzip({ chunkSize: chunkBytes }), () => {});
}
