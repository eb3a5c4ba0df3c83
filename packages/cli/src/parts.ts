/**
 * What an image is made of, as rows for a table.
 *
 * In: a manifest. Out: rows of name and size. May import: terminal.
 */
import type { Manifest } from '@noos/image/file';
import { formatBytes, table } from './terminal.js';

/** Lines: each part of the file with its size, then each part of the bundle. */
export function partLines(manifest: Manifest, fileBytes: number): string[] {
  const size = ({ name, bytes }: { name: string; bytes: number }): string[] => [name, formatBytes(bytes)];
  const bundle = manifest.bundle.toSorted((one, other) => other.bytes - one.bytes);
  const bundleBytes = bundle.reduce((sum, { bytes }) => sum + bytes, 0);
  return [
    ...table(
      [
        ['image', formatBytes(fileBytes)],
        ...manifest.parts.map(size).map(([name, text]) => [`  ${name}`, text!]),
        ['application and runtime, as JavaScript', formatBytes(bundleBytes)],
        ...bundle.map(size).map(([name, text]) => [`  ${name}`, text!]),
      ],
      [1],
    ),
  ];
}
