/**
 * The layout of an image file, read by `image` (TypeScript) and by `native` (C).
 *
 * All integers little-endian. A header of `headerBytes`, then the section table, then the sections, each
 * starting on a page boundary so that a target can map it. The digest covers every byte after the header.
 */

/** First eight bytes of an image. */
export const imageMagic = 'NOOSIMG\u0001';

/** Bytes per page of a stored memory. */
export const pageBytes = 4096;

/** Header, 128 bytes: field → [offset, size in bytes]. */
export const imageHeader = {
  magic: [0, 8],
  /** `abiVersion` of the interface the image was built for. */
  abiVersion: [8, 4],
  sectionCount: [12, 4],
  /** Length of the whole file. */
  fileBytes: [16, 8],
  /** SHA-256 of the engine module that made the snapshot. */
  engineDigest: [24, 32],
  /** SHA-256 of the libos module that made the snapshot. */
  libosDigest: [56, 32],
  /** SHA-256 of the file from byte `headerBytes` to its end. */
  contentDigest: [88, 32],
  reserved: [120, 8],
} as const;

export const headerBytes = 128;

/** Section table entry, 32 bytes each, directly after the header. */
export const sectionEntry = {
  type: [0, 4],
  reserved: [4, 4],
  /** Byte offset in the file, a multiple of `pageBytes`. */
  offset: [8, 8],
  /** Length in bytes without padding. */
  length: [16, 8],
  /** Meaning per type: of a memory's pages, the size of that memory in 64 KiB wasm pages. */
  value: [24, 8],
} as const;

export const sectionEntryBytes = 32;

export const sectionTypes = {
  /** JSON, UTF-8: name, digests, memory, ports, devices, parts with sizes. */
  manifest: 1,
  /** u64 values of the engine's mutable globals in export order (`g0`, `g1`, …; floats as their bits). */
  engineGlobals: 2,
  /** Non-zero pages of engine memory, packed in the order of `engineRuns`; value = memory size. */
  enginePages: 3,
  /** Array of {u32 firstPage, u32 pageCount}: where the packed pages belong. */
  engineRuns: 4,
  libosGlobals: 5,
  libosPages: 6,
  libosRuns: 7,
  /** Start parameters compiled into the image (same text form as `parameters_read`; later ones override). */
  parameters: 8,
} as const;
