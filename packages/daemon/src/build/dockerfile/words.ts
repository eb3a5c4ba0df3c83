/**
 * Words of one logical line: keyword, flags, quoted words, name=value pairs, JSON arrays.
 *
 * In: a line. Out: its parts; throws WordProblem. May import: text.
 */
import { blanks, isSpace, quote, splitFirst, trim, trimStart, WordProblem } from './text.js';

export interface SplitInstruction {
  keyword: string;
  flags: string[];
  rest: string;
}

/** `COPY --from=a x y` → keyword, flags, arguments. */
export function splitInstruction(line: string, escapeToken: string): SplitInstruction {
  const trimmed = trim(line);
  const parts = splitFirst(trimmed);
  if (!parts) return { keyword: trimmed, flags: [], rest: '' };
  const { flags, rest } = splitFlags(parts[1], escapeToken);
  return { keyword: parts[0], flags, rest: trim(rest) };
}

/** Takes words that begin with `--` off the front; `--` alone ends them. */
function splitFlags(line: string, escapeToken: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at]!)) at++;
    if (!line.startsWith('--', at)) return { flags, rest: line.slice(at) };
    let word = '';
    let quoted = '';
    let hadQuotes = false;
    for (; at < line.length; at++) {
      let character = line[at]!;
      if (quoted === '' && isSpace(character)) break;
      if (character === quoted) {
        quoted = '';
        continue;
      }
      if (quoted === '' && (character === "'" || character === '"')) {
        quoted = character;
        hadQuotes = true;
        continue;
      }
      if (character === escapeToken) {
        if (at + 1 >= line.length) continue;
        character = line[++at]!;
      }
      word += character;
    }
    if (word === '--') return { flags, rest: line.slice(at) };
    if (word !== '' || hadQuotes) flags.push(word);
  }
}

/** Words at blanks, quotes and escapes kept: they are taken off when variables are replaced. */
export function quotedWords(rest: string, escapeToken: string): string[] {
  const words: string[] = [];
  const characters = [...rest];
  let word = '';
  let quoted = '';
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at]!;
    if (quoted === '' && isSpace(character)) {
      if (word !== '') words.push(word);
      word = '';
      continue;
    }
    if (character === escapeToken && quoted !== "'") {
      // An escape at the end of the line escapes nothing.
      const escaped = characters[++at];
      if (escaped !== undefined) word += character + escaped;
      continue;
    }
    if (character === quoted) quoted = '';
    else if (quoted === '' && (character === "'" || character === '"')) quoted = character;
    word += character;
  }
  if (word !== '') words.push(word);
  return words;
}

export interface Pair {
  key: string;
  value: string;
}

/** `ENV a=1 b=2` or the old `ENV a 1 with blanks`. */
export function pairs(rest: string, keyword: string, escapeToken: string): Pair[] {
  const words = quotedWords(rest, escapeToken);
  if (words.length === 0) return [];
  if (!words[0]!.includes('=')) {
    const parts = splitFirst(rest);
    if (!parts) throw new WordProblem(`${keyword} must have two arguments`);
    return [{ key: parts[0], value: parts[1] }];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0)
      throw new WordProblem(`Syntax error - can't find = in ${quote(word)}. Must be of the form: name=value`);
    return { key: word.slice(0, equals), value: word.slice(equals + 1) };
  });
}

/** A JSON array of strings; undefined when the text is no JSON array; throws when it holds something else. */
export function jsonStrings(rest: string): string[] | undefined {
  const text = trimStart(rest);
  if (!text.startsWith('[')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  if (!value.every((item) => typeof item === 'string'))
    throw new WordProblem('when using JSON array syntax, arrays must be comprised of strings only');
  return value;
}

/** A JSON array, of whatever. */
export function isJsonArray(rest: string): boolean {
  if (!trimStart(rest).startsWith('[')) return false;
  try {
    return Array.isArray(JSON.parse(rest));
  } catch {
    return false;
  }
}

/** A JSON array, or words at blanks. */
export const jsonOrWords = (rest: string): { words: string[]; json: boolean } => {
  const json = jsonStrings(rest);
  if (json) return { words: json, json: true };
  return { words: rest === '' ? [] : rest.split(blanks), json: false };
};
