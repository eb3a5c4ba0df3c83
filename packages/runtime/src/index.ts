/**
 * Face of the runtime for the bundler, which runs under Node: where its modules are, and when an image needs them.
 *
 * In: nothing. Out: paths and tables. Imports nothing of the other modules, which work only inside a unikernel.
 */
import { fileURLToPath } from 'node:url';

/** Folder of the runtime's modules. */
export const runtimeDirectory = fileURLToPath(new URL('.', import.meta.url));

/** Modules that an application imports as `noos:<name>`. */
export const applicationModules = ['dns', 'env', 'globals', 'net', 'process'] as const;

/**
 * Parts that hang on a member of Request or Response instead of a global: included when the name occurs in the code
 * of the application or of a package it uses. A name in a comment includes a part needlessly, never the reverse.
 */
export const features: Readonly<Record<string, RegExp>> = {
  blob: /\b(?:blob|Blob|File)\b/,
  digest: /\b(?:digest|subtle)\b/,
  'form-data': /\b(?:formData|FormData)\b/,
  'search-params': /\b(?:URLSearchParams|searchParams)\b/,
  signal: /\b(?:signal|AbortSignal|AbortController)\b/,
  streams:
    /\b(?:body|clone|pipeThrough|pipeTo|readable|stream|writable|ReadableStream|TextDecoderStream|TextEncoderStream|TransformStream|WritableStream)\b/,
  url: /\bResponse\s*\.\s*redirect\b/,
};

/** Globals that are found only by name at run time (`globalThis[name]`) need `import 'noos:globals'`. */
export const globalsModule = 'globals.js';

/** npm packages that the runtime brings into images. */
export const runtimePackages = [
  '@jridgewell/',
  '@noble/hashes',
  'punycode',
  'web-streams-polyfill',
  'whatwg-url',
];

/** File name of the bundle in the engine's stacks. */
export const bundleName = 'app.js';
