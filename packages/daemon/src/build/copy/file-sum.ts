/**
 * The checksum of one file that decides whether COPY and ADD hit the cache: moby's tarsum v1, which leaves times out.
 *
 * In: a file. Out: hexadecimal digits. May import: @noos/linux, scope.
 */
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { getAttribute } from '@noos/linux';

/** Types of tar headers (POSIX pax, ustar). */
function typeFlag(stats: Stats): string {
  if (stats.isDirectory()) return '5';
  if (stats.isSymbolicLink()) return '2';
  if (stats.isCharacterDevice()) return '3';
  if (stats.isBlockDevice()) return '4';
  if (stats.isFIFO()) return '6';
  return '0';
}

/** Device numbers as makedev(3) packs them. */
export const majorOf = (device: number): number => {
  const big = BigInt(device);
  return Number(((big >> 8n) & 0xfffn) | ((big >> 32n) & ~0xfffn));
};
export const minorOf = (device: number): number => {
  const big = BigInt(device);
  return Number((big & 0xffn) | ((big >> 12n) & ~0xffn));
};

/** What goes into the checksum before the content, in this order. */
export function headerFields(
  name: string,
  stats: Stats,
  link: string,
  capability: Uint8Array | undefined,
): (string | Uint8Array)[] {
  const device = stats.isBlockDevice() || stats.isCharacterDevice();
  return [
    `name${name}${stats.isDirectory() ? '/' : ''}`,
    `mode${stats.mode}`,
    `uid${stats.uid}`,
    `gid${stats.gid}`,
    `size${stats.isFile() ? stats.size : 0}`,
    `typeflag${typeFlag(stats)}`,
    `linkname${link}`,
    'uname',
    'gname',
    `devmajor${device ? majorOf(stats.rdev) : 0}`,
    `devminor${device ? minorOf(stats.rdev) : 0}`,
    ...(capability ? ['security.capability', capability] : []),
  ];
}

/** Files up to this size are read at once: a stream costs more than they do. */
const smallBytes = 256 * 1024;

/** Checksum of the file at `path`, called `name` in its tree. */
export async function fileSum(path: string, name: string, stats: Stats): Promise<string> {
  const hash = createHash('sha256');
  const link = stats.isSymbolicLink() ? readlinkSync(path) : '';
  const capability = stats.isFile() ? getAttribute(path, 'security.capability') : undefined;
  for (const field of headerFields(name, stats, link, capability)) hash.update(field);
  if (stats.isFile() && stats.size > smallBytes)
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  else if (stats.isFile() && stats.size > 0) hash.update(readFileSync(path));
  return hash.digest('hex');
}

/** One checksum of several: `dir:…`, `multi:…`. */
export const combinedSum = (prefix: string, sums: readonly string[]): string =>
  `${prefix}:${createHash('sha256').update(sums.join(',')).digest('hex')}`;
