/**
 * Shell-like words: quotes, escapes and `$variables` of the Dockerfile language.
 *
 * In: text, a lookup of variables. Out: the text with variables replaced, or its words. May import: text, glob.
 */
import {
  longestPrefix,
  longestSuffix,
  replaceGlob,
  shortestPrefix,
  shortestSuffix,
} from '../../archive/glob.js';
import { isSpace, SyntaxProblem } from './text.js';

export type Lookup = (name: string) => string | undefined;

export interface LexerOptions {
  /** Keep quotes in the result. */
  rawQuotes?: boolean;
  /** Keep escapes in the result. */
  rawEscapes?: boolean;
  /** Leave `$name` as it is when there is no such variable. */
  skipUnset?: boolean;
}

/** `${a:-${b:-…}}` deeper than this is refused; no Dockerfile needs it and it bounds the stack. */
const depthLimit = 100;

const specialParameters = new Set(['@', '*', '#', '?', '-', '$', '!', '0']);
const isDigit = (character: string): boolean => /^\p{Nd}$/u.test(character);
const isNamePart = (character: string): boolean => /^[\p{L}\p{Nd}_]$/u.test(character);

interface Scan {
  characters: string[];
  at: number;
  depth: number;
  rawEscapes: boolean;
}

interface Processed {
  text: string;
  words: string[];
}

/** Replaces variables in `text` and removes quotes; throws SyntaxProblem. */
export const expandWord = (
  text: string,
  escapeToken: string,
  lookup: Lookup,
  options?: LexerOptions,
): string => processText(text, escapeToken, lookup, options).text;

/** The same, split at blanks that are not quoted, after the replacement. */
export const expandWords = (
  text: string,
  escapeToken: string,
  lookup: Lookup,
  options?: LexerOptions,
): string[] => processText(text, escapeToken, lookup, options).words;

function processText(
  source: string,
  escapeToken: string,
  lookup: Lookup,
  options: LexerOptions = {},
): Processed {
  const scan: Scan = { characters: [...source], at: 0, depth: 0, rawEscapes: options.rawEscapes ?? false };
  try {
    return processUntil(scan, undefined, escapeToken, lookup, options);
  } catch (error) {
    if (error instanceof SyntaxProblem)
      throw new SyntaxProblem(`failed to process ${JSON.stringify(source)}: ${error.message}`);
    throw error;
  }
}

function processUntil(
  scan: Scan,
  stop: string | undefined,
  escapeToken: string,
  lookup: Lookup,
  options: LexerOptions,
): Processed {
  if (++scan.depth > depthLimit) throw new SyntaxProblem('syntax error: substitution nested too deeply');
  const words: string[] = [];
  let text = '';
  let word = '';
  const add = (character: string): void => {
    if (!isSpace(character)) word += character;
    else if (word !== '') {
      words.push(word);
      word = '';
    }
  };
  const finish = (): Processed => {
    if (word !== '') words.push(word);
    scan.depth--;
    return { text, words };
  };
  while (scan.at < scan.characters.length) {
    const character = scan.characters[scan.at]!;
    if (character === stop) {
      scan.at++;
      return finish();
    }
    if (character === '$') {
      const value = variable(scan, escapeToken, lookup, options);
      text += value;
      for (const part of value) add(part);
    } else if (character === "'" || character === '"') {
      const value =
        character === "'" ? singleQuoted(scan, options) : doubleQuoted(scan, escapeToken, lookup, options);
      text += value;
      word += value;
    } else if (character === '<') {
      const value = maybeHeredoc(scan);
      text += value;
      word += value;
    } else {
      scan.at++;
      if (character !== escapeToken) {
        add(character);
        text += character;
        continue;
      }
      if (scan.rawEscapes) {
        word += character;
        text += character;
      }
      const escaped = scan.characters[scan.at++];
      if (escaped === undefined) break;
      word += escaped;
      text += escaped;
    }
  }
  if (stop !== undefined)
    throw new SyntaxProblem(`unexpected end of statement while looking for matching ${stop}`);
  return finish();
}

function singleQuoted(scan: Scan, options: LexerOptions): string {
  const end = scan.characters.indexOf("'", scan.at + 1);
  if (end < 0) throw new SyntaxProblem('unexpected end of statement while looking for matching single-quote');
  const inner = scan.characters.slice(scan.at + 1, end).join('');
  scan.at = end + 1;
  return options.rawQuotes ? `'${inner}'` : inner;
}

function doubleQuoted(scan: Scan, escapeToken: string, lookup: Lookup, options: LexerOptions): string {
  let text = options.rawQuotes ? '"' : '';
  scan.at++;
  for (;;) {
    const character = scan.characters[scan.at];
    if (character === undefined)
      throw new SyntaxProblem('unexpected end of statement while looking for matching double-quote');
    if (character === '"') {
      scan.at++;
      return options.rawQuotes ? `${text}"` : text;
    }
    if (character === '$') {
      text += variable(scan, escapeToken, lookup, options);
      continue;
    }
    scan.at++;
    if (character !== escapeToken) {
      text += character;
      continue;
    }
    if (scan.rawEscapes) text += character;
    const next = scan.characters[scan.at];
    if (next === undefined) continue;
    // Only these can be escaped within double quotes; other escapes stay as they are (sh(1), "Double Quotes").
    if (next === '"' || next === '$' || next === escapeToken) {
      text += next;
      scan.at++;
    } else text += character;
  }
}

/** `<<` keeps the blanks after it in its word, so that `<< EOF` is one word. */
function maybeHeredoc(scan: Scan): string {
  scan.at++;
  if (scan.characters[scan.at] !== '<') return '<';
  scan.at++;
  let text = '<<';
  while (/^[\t\r ]$/.test(scan.characters[scan.at] ?? '')) text += scan.characters[scan.at++];
  return text;
}

function variableName(scan: Scan): string {
  const first = scan.characters[scan.at];
  if (first === undefined) return '';
  let name = '';
  if (isDigit(first)) {
    while (scan.at < scan.characters.length && isDigit(scan.characters[scan.at]!))
      name += scan.characters[scan.at++];
    return name;
  }
  if (specialParameters.has(first)) {
    scan.at++;
    return first;
  }
  while (scan.at < scan.characters.length && isNamePart(scan.characters[scan.at]!))
    name += scan.characters[scan.at++];
  return name;
}

function variable(scan: Scan, escapeToken: string, lookup: Lookup, options: LexerOptions): string {
  scan.at++;
  const keep = (value: string | undefined): boolean => value === undefined && options.skipUnset === true;
  if (scan.characters[scan.at] !== '{') {
    const name = variableName(scan);
    if (name === '') return '$';
    const value = lookup(name);
    return keep(value) ? `$${name}` : (value ?? '');
  }
  scan.at++;
  const first = scan.characters[scan.at];
  if (first === undefined) throw new SyntaxProblem("syntax error: missing '}'");
  if (first === '{' || first === '}' || first === ':')
    throw new SyntaxProblem('syntax error: bad substitution');
  const name = variableName(scan);
  let modifier = scan.characters[scan.at++];
  if (modifier === undefined) throw new SyntaxProblem("syntax error: missing '}'");
  const until = (stop: string, raw: boolean): string => {
    const before = scan.rawEscapes;
    scan.rawEscapes = raw;
    try {
      return processUntil(scan, stop, escapeToken, lookup, options).text;
    } catch (error) {
      if (error instanceof SyntaxProblem && scan.at >= scan.characters.length)
        throw new SyntaxProblem(`syntax error: missing '${stop}'${stop === '/' ? ' in $\u007b}' : ''}`);
      throw error;
    } finally {
      scan.rawEscapes = before;
    }
  };
  const value = lookup(name);
  if (modifier === '}') return keep(value) ? `\${${name}}` : (value ?? '');
  if (modifier === '/') return replaced(scan, name, value, until, keep(value));
  let shown = modifier;
  const nullIsUnset = modifier === ':';
  if (nullIsUnset) {
    modifier = scan.characters[scan.at++];
    if (modifier === undefined) throw new SyntaxProblem("syntax error: missing '}'");
    shown += modifier;
  }
  const unsupported = (): SyntaxProblem =>
    new SyntaxProblem(`unsupported modifier (${shown}) in substitution`);
  if (!'+-?#%'.includes(modifier)) throw unsupported();
  const trims = modifier === '#' || modifier === '%';
  if (nullIsUnset && trims) throw unsupported();
  const word = until('}', trims);
  if (keep(value)) return `\${${name}${shown}${word}}`;
  const unset = value === undefined || (nullIsUnset && value === '');
  if (modifier === '-') return unset ? word : value;
  if (modifier === '+') return unset ? '' : word;
  if (modifier === '?') {
    if (!unset) return value;
    const reason = value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
    throw new SyntaxProblem(`${name}: ${word === '' ? reason : word}`);
  }
  const greedy = word.startsWith(modifier);
  const pattern = greedy ? word.slice(1) : word;
  const text = value ?? '';
  if (modifier === '#') return text.slice((greedy ? longestPrefix : shortestPrefix)(pattern, text) ?? 0);
  return text.slice(0, text.length - ((greedy ? longestSuffix : shortestSuffix)(pattern, text) ?? 0));
}

/** `${name/pattern/text}` and `${name//pattern/text}`. */
function replaced(
  scan: Scan,
  name: string,
  value: string | undefined,
  until: (stop: string, raw: boolean) => string,
  keep: boolean,
): string {
  const all = scan.characters[scan.at] === '/';
  if (all) scan.at++;
  const pattern = until('/', true);
  const replacement = until('}', true);
  if (keep) return `\${${name}/${pattern}/${replacement}}`;
  return replaceGlob(pattern, value ?? '', replacement, all);
}
