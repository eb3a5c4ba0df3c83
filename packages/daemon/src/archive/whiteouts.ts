/**
 * Deletions in layers: files named `.wh.…` in archives (OCI image spec, "Whiteouts"), character devices 0/0 and an
 * attribute on overlayfs (kernel documentation, overlayfs.rst, "whiteouts and opaque directories").
 *
 * May import: nothing.
 */
export const whiteoutPrefix = '.wh.';
/** Hides everything that lower layers have in the directory it lies in. */
export const opaqueWhiteout = '.wh..wh..opq';
/** Names with this prefix are AUFS's own and never content. */
export const whiteoutMetaPrefix = '.wh..wh.';

/** Mode of these files in archives, as dockerd writes them. */
export const whiteoutMode = 0o600;

export const opaqueAttribute = 'trusted.overlay.opaque';
export const opaqueValue = Buffer.from('y');

/** Attributes that belong to the graph, not to a file of an image. */
export const isOverlayAttribute = (name: string): boolean => name.startsWith('trusted.overlay.');

/** A deletion on overlayfs. */
export const isWhiteout = (stats: { isCharacterDevice(): boolean; rdev: number | bigint }): boolean =>
  stats.isCharacterDevice() && Number(stats.rdev) === 0;
