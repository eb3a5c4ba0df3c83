/**
 * The two source maps of a bundle: the full one that is kept beside the image, and a compact one inside it.
 *
 * In: esbuild's map. Out: both as JSON text. Imports `@jridgewell/sourcemap-codec`.
 * The compact map keeps every position of the application's own files, one position for each file of an npm
 * package, and none of the runtime; no names, no contents.
 */
import { decode, encode, type SourceMapMappings, type SourceMapSegment } from '@jridgewell/sourcemap-codec';

interface SourceMap {
  version: 3;
  sources: string[];
  sourcesContent?: (string | null)[];
  mappings: string;
  names: string[];
}

/** Where a source comes from. */
export type SourceOrigin = 'application' | 'package' | 'runtime';

export interface SourceMapOptions {
  /** Shown name and origin of one of the map's sources. */
  classify(source: string): { name: string; origin: SourceOrigin };
  /** Lines that the builder puts before the bundle. */
  linesBefore: number;
}

/** @returns full and compact map as JSON */
export function sourceMaps(
  text: string,
  { classify, linesBefore }: SourceMapOptions,
): { full: string; compact: string } {
  const map = JSON.parse(text) as SourceMap;
  const sources = map.sources.map(classify);
  const before: SourceMapMappings = Array.from({ length: linesBefore }, () => []);
  const full: SourceMap = {
    ...map,
    sources: sources.map(({ name }) => name),
    mappings: ';'.repeat(linesBefore) + map.mappings,
  };
  const kept: string[] = [];
  const index = new Map<number, number>();
  const keep = (source: number) => {
    let place = index.get(source);
    if (place === undefined) {
      place = kept.push(sources[source]!.name) - 1;
      index.set(source, place);
    }
    return place;
  };
  const lines = decode(map.mappings).map((segments) => {
    const out: SourceMapSegment[] = [];
    let last: string | undefined;
    for (const segment of segments) {
      const source = segment.length === 1 ? -1 : segment[1];
      const origin = source < 0 ? 'runtime' : sources[source]!.origin;
      const state =
        origin === 'application' ? undefined : origin === 'package' ? `package ${source}` : 'runtime';
      if (state !== undefined && state === last) continue;
      last = state;
      if (segment.length === 1 || origin === 'runtime') out.push([segment[0]]);
      else if (origin === 'package') out.push([segment[0], keep(source), 0, 0]);
      else out.push([segment[0], keep(source), segment[2], segment[3]]);
    }
    return out;
  });
  const compact: SourceMap = {
    version: 3,
    sources: kept,
    names: [],
    mappings: encode([...before, ...lines]),
  };
  return { full: JSON.stringify(full), compact: JSON.stringify(compact) };
}
