/**
 * Characters and strings as the Dockerfile language sees them, and the error that names a place.
 *
 * In: text. Out: text, or DockerfileError. May import: errors.
 */
import { DaemonError } from '../../errors.js';

/** A Dockerfile that cannot be used: Docker's text, then where (`line` and `column` count from 1). */
export class DockerfileError extends DaemonError {
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
    /** Without the place: for instructions that stand in no file (`docker commit --change`). */
    readonly problem = message,
  ) {
    super('invalid', `${message} (line ${line}, column ${column})`);
  }
}

/** What was wrong with one instruction; whoever knows its place turns it into a DockerfileError. */
export class SyntaxProblem extends Error {
  override readonly name: string = 'SyntaxProblem';
}

/** A problem that moby finds while it cuts the file into words: Docker's prefix for it is another. */
export class WordProblem extends SyntaxProblem {
  override readonly name = 'WordProblem';
}

/** White space of Unicode as Go's unicode.IsSpace has it: JavaScript's, with U+0085, without U+FEFF. */
export const isSpace = (character: string): boolean =>
  character === '\u0085' || (character !== '\uFEFF' && /^\s$/u.test(character));

const leadingSpace = /^[^\S\uFEFF\u0085]+|^\u0085+/u;

export function trimStart(text: string): string {
  let rest = text;
  while (leadingSpace.test(rest)) rest = rest.replace(leadingSpace, '');
  return rest;
}

export function trim(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text[end - 1]!)) end--;
  return trimStart(text.slice(0, end));
}

/** Blanks between words of a line; a line has no newline. */
export const blanks = /[\t\v\f\r ]+/;

/** Splits at the first run of blanks; undefined when there is none. */
export function splitFirst(text: string): [string, string] | undefined {
  const found = blanks.exec(text);
  return found ? [text.slice(0, found.index), text.slice(found.index + found[0].length)] : undefined;
}

/** Go's %q of a string: double quotes, escapes for what cannot be printed. */
export function quote(text: string): string {
  let out = '"';
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const short = shortEscapes.get(character);
    if (short) out += short;
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += character;
  }
  return `${out}"`;
}

const shortEscapes = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
]);
