/**
 * Patterns of shells, of Go's filepath.Match and of .dockerignore, matched without backtracking: time is at most
 * (length of the pattern) × (length of the text), whatever a Dockerfile says.
 *
 * In: pattern, text. Out: whether or where it matches. May import: nothing.
 */

type Token =
  | { kind: 'character'; character: string }
  /** Any one character; `path`: except a slash. */
  | { kind: 'any'; path: boolean }
  /** Any number of characters; `path`: except slashes. */
  | { kind: 'star'; path: boolean }
  /** Nothing, or anything up to and including a slash. */
  | { kind: 'directories' }
  | { kind: 'class'; negated: boolean; ranges: readonly (readonly [string, string])[] };

export class PatternError extends Error {
  override readonly name = 'PatternError';
  constructor() {
    super('syntax error in pattern');
  }
}

const fits = (token: Token, character: string): boolean => {
  switch (token.kind) {
    case 'character':
      return token.character === character;
    case 'any':
      return !token.path || character !== '/';
    case 'class':
      return (
        character !== '/' &&
        token.negated !== token.ranges.some(([low, high]) => low <= character && character <= high)
      );
    default:
      return false;
  }
};

/** Runs all ways through the tokens at once; calls `accept` at each end of a match (offset in code points). */
function simulate(
  tokens: readonly Token[],
  characters: readonly string[],
  accept: (at: number) => boolean,
  start = 0,
): void {
  // States: index of the next token; a `directories` token has a second state: within it (index + half).
  const size = tokens.length + 1;
  let states = new Uint8Array(size * 2);
  const enter = (into: Uint8Array, index: number): void => {
    let at = index;
    for (;;) {
      into[at] = 1;
      const token = tokens[at];
      if (token?.kind === 'directories') into[at + size] = 1;
      if (token?.kind !== 'star' && token?.kind !== 'directories') return;
      at++;
    }
  };
  enter(states, 0);
  for (let at = start; ; at++) {
    if (states[tokens.length] && accept(at)) return;
    if (at >= characters.length) return;
    const character = characters[at]!;
    const next = new Uint8Array(size * 2);
    let alive = false;
    for (let index = 0; index < tokens.length; index++) {
      const token = tokens[index]!;
      if (states[index + size]) {
        // Within `directories`: another character, or a slash that ends it.
        next[index + size] = 1;
        if (character === '/') enter(next, index + 1);
        alive = true;
      }
      if (!states[index]) continue;
      if (token.kind === 'star') {
        if (token.path && character === '/') continue;
        enter(next, index);
        alive = true;
      } else if (fits(token, character)) {
        enter(next, index + 1);
        alive = true;
      }
    }
    if (!alive) return;
    states = next;
  }
}

const wholeMatch = (tokens: readonly Token[], text: string): boolean => {
  const characters = [...text];
  let matched = false;
  simulate(tokens, characters, (at) => {
    matched = at === characters.length;
    return matched;
  });
  return matched;
};

/** `[a-z]` and `[^a-z]` as filepath.Match reads them; returns the token and the index after `]`. */
function classToken(characters: readonly string[], start: number): [Token, number] {
  let at = start + 1;
  const negated = characters[at] === '^';
  if (negated) at++;
  const ranges: [string, string][] = [];
  const one = (): string => {
    let character = characters[at];
    if (character === '\\') character = characters[++at];
    else if (character === '-' || character === ']') throw new PatternError();
    if (character === undefined) throw new PatternError();
    at++;
    return character;
  };
  while (characters[at] !== ']' || ranges.length === 0) {
    const low = one();
    let high = low;
    if (characters[at] === '-') {
      at++;
      high = one();
    }
    ranges.push([low, high]);
  }
  return [{ kind: 'class', negated, ranges }, at + 1];
}

function pathTokens(pattern: string, doubleStar: boolean): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; ) {
    const character = characters[at]!;
    if (character === '*' && doubleStar && characters[at + 1] === '*') {
      at += 2;
      if (characters[at] === '/') at++;
      if (at >= characters.length) tokens.push({ kind: 'star', path: false });
      // `**/**/` says no more than `**/`.
      else if (tokens.at(-1)?.kind !== 'directories') tokens.push({ kind: 'directories' });
    } else if (character === '*') {
      tokens.push({ kind: 'star', path: true });
      at++;
    } else if (character === '?') {
      tokens.push({ kind: 'any', path: true });
      at++;
    } else if (character === '[') {
      const [token, next] = classToken(characters, at);
      tokens.push(token);
      at = next;
    } else if (character === '\\') {
      const escaped = characters[at + 1];
      if (escaped === undefined) throw new PatternError();
      tokens.push({ kind: 'character', character: escaped });
      at += 2;
    } else {
      tokens.push({ kind: 'character', character });
      at++;
    }
  }
  return tokens;
}

/** Go's filepath.Match; throws PatternError. */
export function pathMatcher(pattern: string): (path: string) => boolean {
  const tokens = pathTokens(pattern, false);
  return (path) => wholeMatch(tokens, path);
}

const parentsOf = (path: string): string[] =>
  [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index)).filter((parent) => parent !== '');

/**
 * One cleaned pattern of .dockerignore without its `!` (moby's patternmatcher): whether it takes a path or one of the
 * path's parents. Throws PatternError.
 */
export function ignoreMatcher(pattern: string): (path: string) => boolean {
  const tokens = pathTokens(pattern, true);
  const literal = (text: string): boolean => !/[*?[\]\\]/.test(text);
  // A pattern of `**` and plain characters compares suffixes: `**foo` takes `barfoo` too.
  if (pattern.startsWith('**') && literal(pattern.slice(2))) {
    const suffix = pattern.slice(2);
    const fitsSuffix = (path: string): boolean =>
      path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
    return (path) => fitsSuffix(path) || parentsOf(path).some(fitsSuffix);
  }
  if (pattern.endsWith('**') && literal(pattern.slice(0, -2))) {
    const prefix = pattern.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  return (path) => {
    const characters = [...path];
    let matched = false;
    // All parents are beginnings of the path: one pass answers for them too.
    simulate(tokens, characters, (at) => {
      matched = at > 0 && (at === characters.length || characters[at] === '/');
      return matched;
    });
    return matched;
  };
}

/** Tokens of a shell pattern in `${name#pattern}`: `*`, `?`, and `\` before these, itself, `}` and `/`. */
function shellTokens(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; at++) {
    let character = characters[at]!;
    if (character === '*') tokens.push({ kind: 'star', path: false });
    else if (character === '?') tokens.push({ kind: 'any', path: false });
    else {
      if (character === '\\') character = characters[++at] ?? '\\';
      tokens.push({ kind: 'character', character });
    }
  }
  return tokens;
}

function prefixEnd(tokens: readonly Token[], characters: readonly string[], longest: boolean, start = 0) {
  let end: number | undefined;
  simulate(
    tokens,
    characters,
    (at) => {
      end = at;
      return !longest;
    },
    start,
  );
  return end;
}

const unitsOf = (characters: readonly string[]): number => characters.join('').length;

const prefix =
  (longest: boolean) =>
  (pattern: string, text: string): number | undefined => {
    const characters = [...text];
    const end = prefixEnd(shellTokens(pattern), characters, longest);
    return end === undefined ? undefined : unitsOf(characters.slice(0, end));
  };

const suffix =
  (longest: boolean) =>
  (pattern: string, text: string): number | undefined => {
    const characters = [...text].reverse();
    const end = prefixEnd(shellTokens(pattern).reverse(), characters, longest);
    return end === undefined ? undefined : unitsOf(characters.slice(0, end));
  };

/** Length of the shortest (longest) beginning (end) of the text that a shell pattern matches. */
export const shortestPrefix = prefix(false);
export const longestPrefix = prefix(true);
export const shortestSuffix = suffix(false);
export const longestSuffix = suffix(true);

/** Longest values that `${name/pattern/text}` takes: its time grows with the square of it. */
const replaceLimit = 16384;

/** Replaces the first (or every) longest match of a shell pattern. */
export function replaceGlob(pattern: string, text: string, replacement: string, all: boolean): string {
  if (text.length > replaceLimit || pattern === '') return text;
  const tokens = shellTokens(pattern);
  const characters = [...text];
  let out = '';
  for (let at = 0; at < characters.length; ) {
    const end = prefixEnd(tokens, characters, true, at);
    if (end === undefined || end === at) {
      out += characters[at++];
      continue;
    }
    out += replacement;
    at = end;
    if (!all) return out + characters.slice(at).join('');
  }
  return out;
}
