/**
 * The bytes of an image (layout: packages/abi/src/image-layout.ts). Equal images give equal bytes.
 *
 * In: an `Image`. Out: a file's bytes, and back with every field checked: `ImageError`. May import: abi, engine, libos.
 */
import { createHash } from 'node:crypto';
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
import { engineDigest } from '@noos/engine/module';
import { libosDigest } from '@noos/libos/module';
import { ImageError } from './errors.js';
import { type Manifest, parseManifest } from './manifest.js';
import type { MemoryImage, PageRun } from './memory-image.js';

export { ImageError, type ImageErrorCode } from './errors.js';
export type { Manifest } from './manifest.js';

export interface Image {
  manifest: Manifest;
  engine: MemoryImage;
  libos: MemoryImage;
  /** Start parameters compiled in, `key=value` lines. */
  parameters: string;
}

interface Section {
  type: number;
  bytes: Uint8Array;
  value: number;
}

const runBytes = 8;
/** One page below 4 GiB, so that a memory's size fits 32 bits (packages/native/src/common/memory_map.h). */
const maxWasmPages = 65_535;
const pagesPerWasmPage = 65_536 / pageBytes;
const alignUp = (offset: number): number => Math.ceil(offset / pageBytes) * pageBytes;

function encodeGlobals(globals: readonly bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(globals).buffer);
}

function encodeRuns(runs: readonly PageRun[]): Uint8Array {
  return new Uint8Array(
    Uint32Array.from(runs.flatMap(({ firstPage, pageCount }) => [firstPage, pageCount])).buffer,
  );
}

function sectionsOf({ manifest, engine, libos, parameters }: Image): Section[] {
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const memory = ({ globals, pages, runs, wasmPages }: MemoryImage, firstType: number): Section[] => [
    { type: firstType, bytes: encodeGlobals(globals), value: 0 },
    { type: firstType + 1, bytes: pages, value: wasmPages },
    { type: firstType + 2, bytes: encodeRuns(runs), value: 0 },
  ];
  return [
    { type: sectionTypes.manifest, bytes: text(JSON.stringify(manifest)), value: 0 },
    { type: sectionTypes.parameters, bytes: text(parameters), value: 0 },
    ...memory(engine, sectionTypes.engineGlobals),
    ...memory(libos, sectionTypes.libosGlobals),
  ];
}

/** The file of an image made with this engine and libos. */
export function writeImage(image: Image): Uint8Array {
  const sections = sectionsOf(image);
  const offsets: number[] = [];
  let end = headerBytes + sections.length * sectionEntryBytes;
  for (const { bytes } of sections) {
    const offset = alignUp(end);
    offsets.push(offset);
    end = offset + bytes.length;
  }
  const file = new Uint8Array(alignUp(end));
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(imageMagic), imageHeader.magic[0]);
  view.setUint32(imageHeader.abiVersion[0], abiVersion, true);
  view.setUint32(imageHeader.sectionCount[0], sections.length, true);
  view.setBigUint64(imageHeader.fileBytes[0], BigInt(file.length), true);
  file.set(engineDigest(), imageHeader.engineDigest[0]);
  file.set(libosDigest(), imageHeader.libosDigest[0]);
  for (const [index, { type, bytes, value }] of sections.entries()) {
    const entry = headerBytes + index * sectionEntryBytes;
    view.setUint32(entry + sectionEntry.type[0], type, true);
    view.setBigUint64(entry + sectionEntry.offset[0], BigInt(offsets[index] as number), true);
    view.setBigUint64(entry + sectionEntry.length[0], BigInt(bytes.length), true);
    view.setBigUint64(entry + sectionEntry.value[0], BigInt(value), true);
    file.set(bytes, offsets[index] as number);
  }
  file.set(createHash('sha256').update(file.subarray(headerBytes)).digest(), imageHeader.contentDigest[0]);
  return file;
}

const field = (file: Uint8Array, [offset, length]: readonly [number, number]): Uint8Array =>
  file.subarray(offset, offset + length);
const equal = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;

function checkHeader(file: Uint8Array): void {
  if (
    file.length < headerBytes ||
    !equal(field(file, imageHeader.magic), new TextEncoder().encode(imageMagic))
  )
    throw new ImageError('not-an-image', 'not a Noos image: build one with `noos build`');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const version = view.getUint32(imageHeader.abiVersion[0], true);
  if (version !== abiVersion)
    throw new ImageError(
      'version',
      `the image was built for platform interface ${version}, this Noos has ${abiVersion}: build it again`,
    );
  if (view.getBigUint64(imageHeader.fileBytes[0], true) !== BigInt(file.length))
    throw new ImageError('truncated', 'the image is truncated or has bytes appended: copy or build it again');
  const digest = createHash('sha256').update(file.subarray(headerBytes)).digest();
  if (!equal(digest, field(file, imageHeader.contentDigest)))
    throw new ImageError(
      'digest',
      'the image differs from its digest, so it was damaged: copy or build it again',
    );
  for (const [name, wanted, found] of [
    ['engine', engineDigest(), field(file, imageHeader.engineDigest)],
    ['libos', libosDigest(), field(file, imageHeader.libosDigest)],
  ] as const)
    if (!equal(wanted, found))
      throw new ImageError(
        'version',
        `the image was built with another ${name}.wasm than this Noos has: build it again`,
      );
}

const malformed = (what: string): ImageError => new ImageError('malformed', `${what}: build the image again`);
const knownTypes = new Set<number>(Object.values(sectionTypes));

function readSections(file: Uint8Array): Map<number, Section> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const count = view.getUint32(imageHeader.sectionCount[0], true);
  if (count > (file.length - headerBytes) / sectionEntryBytes)
    throw malformed('the section table is longer than the file');
  const sections = new Map<number, Section>();
  for (let index = 0; index < count; index++) {
    const entry = headerBytes + index * sectionEntryBytes;
    const type = view.getUint32(entry + sectionEntry.type[0], true);
    const [offset, length, value] = [sectionEntry.offset, sectionEntry.length, sectionEntry.value].map(
      ([at]) => Number(view.getBigUint64(entry + at, true)),
    ) as [number, number, number];
    if (!knownTypes.has(type))
      throw new ImageError(
        'version',
        `the image has a section of type ${type}, which this Noos does not know: use the version that built it`,
      );
    if (offset % pageBytes !== 0 || offset > file.length || length > file.length - offset)
      throw malformed(`section ${type} lies outside the file`);
    if (sections.has(type)) throw malformed(`section ${type} occurs twice`);
    sections.set(type, { type, bytes: file.subarray(offset, offset + length), value });
  }
  return sections;
}

function readMemory(sections: Map<number, Section>, firstType: number, name: string): MemoryImage {
  const [globals, pages, runBytesSection] = [0, 1, 2].map((index) => sections.get(firstType + index));
  if (globals === undefined || pages === undefined || runBytesSection === undefined)
    throw malformed(`the memory of ${name} is missing`);
  if (globals.bytes.length % 8 !== 0 || runBytesSection.bytes.length % runBytes !== 0)
    throw malformed(`globals or page runs of ${name} have an odd length`);
  if (pages.value === 0 || pages.value > maxWasmPages)
    throw malformed(`the memory size of ${name} is impossible`);
  const view = (bytes: Uint8Array): DataView =>
    new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const runs: PageRun[] = [];
  let [next, stored] = [0, 0];
  for (let at = 0; at < runBytesSection.bytes.length; at += runBytes) {
    const firstPage = view(runBytesSection.bytes).getUint32(at, true);
    const pageCount = view(runBytesSection.bytes).getUint32(at + 4, true);
    if (firstPage < next || firstPage + pageCount > pages.value * pagesPerWasmPage)
      throw malformed(`the page runs of ${name} overlap or lie outside its memory`);
    next = firstPage + pageCount;
    stored += pageCount;
    runs.push({ firstPage, pageCount });
  }
  if (stored * pageBytes !== pages.bytes.length) throw malformed(`the page runs and pages of ${name} differ`);
  return {
    wasmPages: pages.value,
    globals: Array.from({ length: globals.bytes.length / 8 }, (_, index) =>
      view(globals.bytes).getBigUint64(index * 8, true),
    ),
    runs,
    pages: pages.bytes,
  };
}

/**
 * Reads and checks an image's bytes; pages are views into `file`.
 * @throws ImageError not-an-image, version, truncated, digest, malformed
 */
export function readImage(file: Uint8Array): Image {
  checkHeader(file);
  const sections = readSections(file);
  const text = (type: number): string => new TextDecoder().decode(sections.get(type)?.bytes);
  const manifest = parseManifest(text(sectionTypes.manifest));
  if (manifest === undefined) throw malformed('the manifest is missing, or a field of it is wrong');
  return {
    manifest,
    engine: readMemory(sections, sectionTypes.engineGlobals, 'engine'),
    libos: readMemory(sections, sectionTypes.libosGlobals, 'libos'),
    parameters: text(sectionTypes.parameters),
  };
}
