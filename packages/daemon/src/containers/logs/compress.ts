/**
 * Log files that are not written any more, as gzip. A first, empty member's comment says which file it was, so that a
 * reader that has read that file already does not take it for another one.
 *
 * In: paths, open files. Out: a file beside it, or its content again. May import: storage.
 */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { crashPoint } from '../../storage/crash-point.js';

/** Which file it is, whatever its name: inodes are used again, births are as fine as the kernel's ticks. */
export interface Identity {
  inode: number;
  bornNs: bigint;
}

export const isSame = (one: Identity, other: Identity): boolean =>
  one.inode === other.inode && one.bornNs === other.bornNs;

export async function identityOf(file: FileHandle): Promise<Identity> {
  const { ino, birthtimeNs } = await file.stat({ bigint: true });
  return { inode: Number(ino), bornNs: birthtimeNs };
}

/** RFC 1952: magic, deflate, FCOMMENT, no time, no extra flags, unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0x10, 0, 0, 0, 0, 0, 0xff]);
/** An empty deflate block, checksum and length of nothing. */
const emptyMember = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
/** More than header and comment take. */
const commentBytes = 64;

const firstMember = ({ inode, bornNs }: Identity): Buffer =>
  Buffer.concat([header, Buffer.from(`${inode} ${bornNs}\0`, 'latin1'), emptyMember]);

/** The identity in a compressed file; undefined when it is none of ours. */
export async function originalOf(file: FileHandle): Promise<Identity | undefined> {
  const start = Buffer.alloc(commentBytes);
  const { bytesRead } = await file.read(start, 0, commentBytes, 0);
  const match = /^(\d+) (\d+)\0/.exec(start.toString('latin1', header.length, bytesRead));
  return match === null ? undefined : { inode: Number(match[1]), bornNs: BigInt(match[2]!) };
}

const blockBytes = 64 * 1024;

/** A file from its beginning; it stays open, which file streams in a pipeline do not allow. */
async function* blocks(file: FileHandle): AsyncGenerator<Buffer, void> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function append(file: FileHandle, chunks: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of chunks) await file.appendFile(chunk);
}

/** Compresses what `path` names now into `temporary`, durably; says which file that was. */
export async function compressInto(path: string, temporary: string): Promise<Identity> {
  const source = await open(path, 'r');
  try {
    const identity = await identityOf(source);
    const target = await open(temporary, 'w', 0o600);
    try {
      await target.write(firstMember(identity));
      await pipeline(blocks(source), createGzip(), (compressed) => append(target, compressed));
      await target.sync();
    } catch (error) {
      // A full disk gets its room back.
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await target.close();
    }
    return identity;
  } finally {
    await source.close();
  }
}

/** Puts the compressed file in the place of `path`; a crash leaves one of them, or both. */
export async function putInPlace(temporary: string, path: string): Promise<void> {
  crashPoint('log:compressed');
  await rename(temporary, `${path}.gz`);
  crashPoint('log:compressed-in-place');
  await rm(path, { force: true });
}

/** The content of a compressed file as a file without a name in `directory`. */
export async function unpack(file: FileHandle, directory: string, name: string): Promise<FileHandle> {
  const path = `${directory}/${name}`;
  const target = await open(path, 'wx+', 0o600);
  try {
    await rm(path);
    await pipeline(blocks(file), createGunzip(), (content) => append(target, content));
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}
