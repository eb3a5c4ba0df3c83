/**
 * What can be wrong with an application's source.
 *
 * In: esbuild's messages. Out: errors with a code and one line that says what to do. Imports esbuild's types.
 */
import type { Message } from 'esbuild';

/** `entry-missing`, `no-fetch-handler`, `node-builtin`, `compile`. */
export type BundleErrorCode = 'entry-missing' | 'no-fetch-handler' | 'node-builtin' | 'compile';

export class BundleError extends Error {
  override name = 'BundleError';
  readonly code: BundleErrorCode;

  constructor(code: BundleErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** One line: `file:line:column: what is wrong`, and how many more there are. */
export function compileError(messages: readonly Message[], root: string): BundleError {
  const first = messages[0];
  if (first === undefined) return new BundleError('compile', 'esbuild failed without a message');
  const more = messages.length > 1 ? ` (and ${messages.length - 1} more)` : '';
  const code = (first.detail as { code?: BundleErrorCode } | undefined)?.code ?? 'compile';
  return new BundleError(code, `${messageLine(first, root)}${more}`);
}

/** A message of esbuild as one line; columns count from 1, as editors do. */
export function messageLine(message: Message, root: string): string {
  const { location } = message;
  if (location === null) return message.text;
  const file = location.file.startsWith(`${root}/`) ? location.file.slice(root.length + 1) : location.file;
  return `${file}:${location.line}:${location.column + 1}: ${message.text}`;
}
