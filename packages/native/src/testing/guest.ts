/**
 * For tests: a native runtime with guest.wat in the place of libos, and images for it.
 *
 * In: guest.wat. Out: paths of a binary and of images below `build/testing`. May import: abi, the builder.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  abiVersion,
  headerBytes,
  imageHeader,
  imageMagic,
  pageBytes,
  sectionEntry,
  sectionEntryBytes,
  sectionTypes,
} from '@noos/abi';
import { runTool } from '../builder/compiler.js';
import { paths } from '../builder/paths.js';
import { buildProcess } from '../builder/process.js';
import { buildShared, type Modules } from '../builder/shared.js';
import { buildVm } from '../builder/vm.js';

/** One per process: test files run side by side. Objects are shared. */
const directory = `${paths.build}/testing/${process.pid}`;
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** The least that counts as an engine: a memory and its stack pointer. */
const engineText = '(module (memory (export "memory") 1) (global (export "g0") (mut i32) (i32.const 0)))';

/** Words at 0x2000 of the guest's memory: boom, turn, full, stop (see guest.wat). */
const guestTexts = 'boomturn\n\0\0\0full\nstop\n';
const guestTextsPage = 2;

const digestOf = (path: string): Buffer => createHash('sha256').update(readFileSync(path)).digest();

async function modules(): Promise<Modules> {
  mkdirSync(directory, { recursive: true });
  const result = {
    engine: `${directory}/engine.wasm`,
    libos: `${directory}/libos.wasm`,
    generated: directory,
  };
  writeFileSync(`${directory}/engine.wat`, engineText);
  await runTool('wat2wasm', [`${directory}/engine.wat`, '-o', result.engine]);
  await runTool('wat2wasm', [`${paths.source}/testing/guest.wat`, '-o', result.libos]);
  return result;
}

/** A section of an image as it is written. */
export interface Section {
  type: number;
  bytes: Buffer;
  value?: bigint;
}

/** Lays sections out as an image with right digests. */
export function imageBytes(sections: Section[], digests: { engine: Uint8Array; libos: Uint8Array }): Buffer {
  const header = Buffer.alloc(
    Math.ceil((headerBytes + sections.length * sectionEntryBytes) / pageBytes) * pageBytes,
  );
  const parts = [header];
  let offset = header.length;
  for (const [index, { type, bytes, value }] of sections.entries()) {
    const entry = headerBytes + index * sectionEntryBytes;
    header.writeUInt32LE(type, entry + sectionEntry.type[0]);
    header.writeBigUInt64LE(BigInt(offset), entry + sectionEntry.offset[0]);
    header.writeBigUInt64LE(BigInt(bytes.length), entry + sectionEntry.length[0]);
    header.writeBigUInt64LE(value ?? 0n, entry + sectionEntry.value[0]);
    const padded = Buffer.alloc(Math.ceil(bytes.length / pageBytes) * pageBytes);
    bytes.copy(padded);
    parts.push(padded);
    offset += padded.length;
  }
  header.write(imageMagic, imageHeader.magic[0], 'latin1');
  header.writeUInt32LE(abiVersion, imageHeader.abiVersion[0]);
  header.writeUInt32LE(sections.length, imageHeader.sectionCount[0]);
  header.writeBigUInt64LE(BigInt(offset), imageHeader.fileBytes[0]);
  header.set(digests.engine, imageHeader.engineDigest[0]);
  header.set(digests.libos, imageHeader.libosDigest[0]);
  const image = Buffer.concat(parts);
  image.set(contentDigest(image), imageHeader.contentDigest[0]);
  return image;
}

/** SHA-256 of what follows the header. */
export const contentDigest = (image: Buffer): Buffer =>
  createHash('sha256').update(image.subarray(headerBytes)).digest();

const u64s = (...values: bigint[]): Buffer => Buffer.from(new BigUint64Array(values).buffer);
const u32s = (...values: number[]): Buffer => Buffer.from(new Uint32Array(values).buffer);

/** The guest's sections: one stored page in each memory. */
export function guestSections(): Section[] {
  const texts = Buffer.alloc(pageBytes);
  texts.write(guestTexts, 'latin1');
  return [
    { type: sectionTypes.manifest, bytes: Buffer.from('{}') },
    { type: sectionTypes.engineGlobals, bytes: u64s(0n) },
    { type: sectionTypes.enginePages, bytes: Buffer.alloc(pageBytes, 1), value: 1n },
    { type: sectionTypes.engineRuns, bytes: u32s(3, 1) },
    { type: sectionTypes.libosGlobals, bytes: u64s(0n, 0n, 0n) },
    { type: sectionTypes.libosPages, bytes: texts, value: 4n },
    { type: sectionTypes.libosRuns, bytes: u32s(guestTextsPage, 1) },
    { type: sectionTypes.parameters, bytes: Buffer.from('env.FROM=image\n') },
  ];
}

export interface Guest {
  /** runtime-process or runtime-vm.elf for the guest. */
  runtime: string;
  /** The guest's image. */
  image: string;
  digests: { engine: Buffer; libos: Buffer };
}

/** Builds (cached) the runtime and image of the guest. */
export async function buildGuest(target: 'process' | 'vm' = 'process'): Promise<Guest> {
  const guest = await modules();
  const shared = await buildShared(guest);
  const runtime =
    target === 'process'
      ? await buildProcess(shared, `${directory}/runtime-process`)
      : await buildVm(shared, `${directory}/runtime-vm.elf`);
  const digests = { engine: digestOf(guest.engine), libos: digestOf(guest.libos) };
  const image = `${directory}/guest.noos`;
  writeFileSync(image, imageBytes(guestSections(), digests));
  return { runtime, image, digests };
}
