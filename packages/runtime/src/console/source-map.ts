/**
 * Stack positions of the bundle as positions in the application's sources.
 *
 * In: the engine's stack text; the compact source map that the bundler leaves in the global `__noosSourceMap`.
 * Out: stack text with source positions. Imports `@jridgewell/trace-mapping`, which decodes on first use.
 */
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

const holder = globalThis as { __noosSourceMap?: string };
const encoded = holder.__noosSourceMap;
delete holder.__noosSourceMap;

/** The file name under which the engine evaluates the bundle. */
export const bundleName = 'app.js';

let map: TraceMap | undefined;
const position = /^(\s*at .*?)\(?([^\s()]+):(\d+):(\d+)\)?$/;

/** Maps each line of a stack; lines without a mapping (the runtime's own) are left out, unless all are. */
export function mapStack(stack: string): string {
  const lines = stack.trimEnd().split('\n');
  if (encoded === undefined) return lines.join('\n');
  map ??= new TraceMap(encoded);
  const mapped: string[] = [];
  for (const line of lines) {
    const match = position.exec(line);
    if (match === null || match[2] !== bundleName) {
      mapped.push(line);
      continue;
    }
    const found = originalPositionFor(map, { line: Number(match[3]), column: Number(match[4]) - 1 });
    if (found.source === null || found.source.startsWith('noos:')) continue;
    const place = found.source.includes('node_modules/')
      ? found.source.slice(found.source.lastIndexOf('node_modules/'))
      : `${found.source}:${found.line}:${found.column + 1}`;
    mapped.push(`${match[1]}(${place})`);
  }
  return mapped.length === 0 ? lines.join('\n') : mapped.join('\n');
}
