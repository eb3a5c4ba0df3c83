/**
 * `noos inspect`: what is in an image.
 *
 * In: an image. Out: text or JSON. May import: parts, layers; host, native.
 */
import { statSync } from 'node:fs';
import { checkImage } from '@noos/host/run';
import { type NativeRuntime, runtimeVm } from '@noos/native';
import { exitCodes } from '../errors.js';
import { measureHost } from '../host-sizes.linux.js';
import { type Layer, layersOf, type Side } from '../layers.js';
import { partLines } from '../parts.js';
import { formatBytes, styleOut, table } from '../terminal.js';

function sizeOfNative(find: () => NativeRuntime): number | undefined {
  try {
    return find().bytes;
  } catch {
    return undefined;
  }
}

function layerLines(layers: readonly Layer[]): string[] {
  const side = (one: Side | undefined): string[] =>
    one === undefined ? ['absent', ''] : [one.what, one.bytes === undefined ? '—' : formatBytes(one.bytes)];
  return table(
    [
      ['layer', 'in this image', 'size', 'in a container', 'size here'],
      ...layers.map(({ layer, image, container }) => [layer, ...side(image), ...side(container)]),
    ],
    [2, 4],
  );
}

/** Prints the manifest and the parts; with `compare` the layers too. */
export async function inspectCommand(
  path: string,
  options: { json?: boolean; compare?: boolean },
): Promise<number> {
  const manifest = checkImage(path);
  const { size } = statSync(path);
  const layers = options.compare ? layersOf(manifest, sizeOfNative(runtimeVm), measureHost()) : undefined;
  if (options.json) {
    console.log(
      JSON.stringify({ ...manifest, bytes: size, ...(layers === undefined ? {} : { layers }) }, undefined, 2),
    );
    return exitCodes.ok;
  }
  const { name, noos, digests, memory, devices, ports, snapshot } = manifest;
  const rows = [
    ['name', name],
    ['built by', `Noos ${noos}, ${snapshot ? 'evaluated at build' : 'evaluated at start'}`],
    [
      'memory',
      `${formatBytes(memory.engineBytes + memory.libosBytes)} at start, heap up to ${formatBytes(memory.engineLimitBytes)}`,
    ],
    ['devices', `${devices.net} network, ${devices.block} block`],
    ...(ports.length > 0
      ? [['ports', ports.map(({ protocol, port }) => `${port}/${protocol}`).join(', ')]]
      : []),
    ['engine', digests.engine],
    ['libos', digests.libos],
    ['bundle', digests.bundle],
  ];
  for (const line of table(rows)) console.log(line);
  console.log();
  for (const line of partLines(manifest, size)) console.log(line);
  if (layers !== undefined) {
    console.log();
    const [head = '', ...lines] = layerLines(layers);
    console.log(styleOut('bold', head));
    for (const line of lines) console.log(line);
    console.log(
      'Sizes of the container are those of the files on this machine; — is not measured or not installed.',
    );
  }
  return exitCodes.ok;
}
