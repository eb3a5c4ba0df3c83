/**
 * Sizes of what a container's stack consists of, as far as it is installed where this runs.
 *
 * In: the file system. Out: `HostSizes`. May import: layers' type.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import type { HostSizes } from './layers.js';

/** Bytes of a file, or undefined. */
function fileBytes(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** The sum of those that are there; undefined when none is. */
function total(sizes: readonly (number | undefined)[]): number | undefined {
  const known = sizes.filter((size) => size !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, size) => sum + size, 0);
}

function directoryBytes(path: string): number | undefined {
  try {
    const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    );
    return total(files.map((entry) => fileBytes(join(entry.parentPath, entry.name))));
  } catch {
    return undefined;
  }
}

/** The shared objects that this process, which is node, has mapped. */
function mappedLibraries(): string[] {
  try {
    const paths = readFileSync('/proc/self/maps', 'utf8').matchAll(/\s(\/\S+\.so[.\d]*)$/gm);
    return [...new Set([...paths].map((match) => match[1]!))];
  } catch {
    return [];
  }
}

/** Measures now. */
export function measureHost(): HostSizes {
  const programs = ['dockerd', 'containerd', 'containerd-shim-runc-v2', 'runc'];
  const found = programs.map((name) => fileBytes(`/usr/bin/${name}`) ?? fileBytes(`/usr/sbin/${name}`));
  return {
    node: fileBytes(process.execPath),
    sharedLibraries: total(mappedLibraries().map(fileBytes)),
    containerRuntime: total(found),
    kernel: total([fileBytes(`/boot/vmlinuz-${release()}`), directoryBytes(`/lib/modules/${release()}`)]),
  };
}
