/**
 * From a bundle to an image.
 *
 * In: code, parts, parameters. Out: the file's bytes and what was written while it was evaluated. May import: engine, libos.
 */
import { createHash } from 'node:crypto';
import { engineDigest } from '@noos/engine';
import { libosDigest } from '@noos/libos';
import { evaluateBundle } from './evaluate.js';
import { type Image, writeImage } from './image-file.js';
import type { Manifest, ManifestPart } from './manifest.js';

export interface ImageOptions {
  name: string;
  /** Version of Noos. */
  noos: string;
  /** Parts of the bundle. */
  parts?: readonly ManifestPart[];
  /** Start parameters compiled in; keys without `=` and newline. */
  parameters?: ReadonlyMap<string, string>;
  ports?: Manifest['ports'];
  devices?: Manifest['devices'];
  /** Limit of the JavaScript heap in bytes. */
  engineLimitBytes?: number;
  /** False: the top level is evaluated at start. */
  snapshot?: boolean;
}

export interface BuiltImage {
  bytes: Uint8Array;
  image: Image;
  /** What the top level wrote. */
  console: string;
}

const defaultEngineLimitBytes = 64 * 1024 * 1024;
const wasmPageBytes = 65_536;

function parametersText(parameters: ReadonlyMap<string, string>): string {
  const escaped = (value: string): string => value.replaceAll('%', '%25').replaceAll('\n', '%0A');
  return [...parameters].map(([key, value]) => `${key}=${escaped(value)}\n`).join('');
}

/**
 * Evaluates the bundle and writes the image. The same input gives the same bytes.
 * @throws ImageError evaluation
 */
export async function buildImage(code: string, options: ImageOptions): Promise<BuiltImage> {
  const {
    snapshot = true,
    engineLimitBytes = defaultEngineLimitBytes,
    devices = { net: 1, block: 0 },
  } = options;
  const { engine, libos, console } = await evaluateBundle(code, { atStart: !snapshot });
  const hex = (digest: Uint8Array): string => Buffer.from(digest).toString('hex');
  const parameters = parametersText(
    new Map([['memory.engine', String(engineLimitBytes)], ...(options.parameters ?? [])]),
  );
  const manifest: Manifest = {
    name: options.name,
    noos: options.noos,
    digests: {
      engine: hex(engineDigest()),
      libos: hex(libosDigest()),
      bundle: hex(createHash('sha256').update(code).digest()),
    },
    memory: {
      engineBytes: engine.wasmPages * wasmPageBytes,
      libosBytes: libos.wasmPages * wasmPageBytes,
      engineLimitBytes,
    },
    ports: options.ports ?? [],
    devices,
    snapshot,
    bundle: [...(options.parts ?? [])],
    parts: [
      { name: 'engine memory', bytes: engine.pages.length },
      { name: 'libos memory', bytes: libos.pages.length },
      { name: 'parameters', bytes: parameters.length },
    ],
  };
  const image: Image = { manifest, engine, libos, parameters };
  return { bytes: writeImage(image), image, console };
}
