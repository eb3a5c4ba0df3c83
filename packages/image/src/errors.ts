/** What can be wrong with an image, or with making one. */

export type ImageErrorCode =
  /** The file does not begin like an image. */
  | 'not-an-image'
  /** Built for another version of the platform interface, or with other engine or libos modules than these. */
  | 'version'
  /** Shorter or longer than its header says. */
  | 'truncated'
  /** A byte differs from what was built. */
  | 'digest'
  /** The digest is right and the content is impossible. */
  | 'malformed'
  /** The application's top level threw, or cannot be evaluated at build time. */
  | 'evaluation';

/** `message` is one line: what was wrong and what to do. */
export class ImageError extends Error {
  override name = 'ImageError';
  readonly code: ImageErrorCode;
  /** For `evaluation`: what the top level wrote to the console before it threw. */
  readonly console: string;

  constructor(code: ImageErrorCode, message: string, console = '') {
    super(message);
    this.code = code;
    this.console = console;
  }
}
