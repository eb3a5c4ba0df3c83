/**
 * `.dockerignore`: its lines as patterns, patterns as a question about paths (moby's patternmatcher).
 *
 * In: the file's text, paths below the context. Out: whether a path is left out. May import: glob.
 */
import { posix } from 'node:path';
import { ignoreMatcher } from '../../archive/glob.js';

/** Go's filepath.Clean: like normalize, without a slash at the end, `.` for nothing. */
export function cleanPath(path: string): string {
  const clean = posix.normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** Patterns of a .dockerignore, in order; comments and blank lines dropped, `!` kept in front. */
export function readIgnoreFile(text: string): string[] {
  const patterns: string[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    if (line.startsWith('#')) continue;
    let pattern = line.trim();
    if (pattern === '') continue;
    const inverted = pattern.startsWith('!');
    if (inverted) pattern = pattern.slice(1).trim();
    if (pattern !== '') {
      pattern = cleanPath(pattern);
      if (pattern.length > 1 && pattern.startsWith('/')) pattern = pattern.slice(1);
    }
    patterns.push(inverted ? `!${pattern}` : pattern);
  }
  return patterns;
}

/**
 * A test for slash-separated relative paths: true when a pattern takes the path or one of its parents and no later
 * `!` pattern takes it back. Throws PatternError, or Error for a lone `!`.
 */
export function createIgnore(patterns: readonly string[]): (path: string) => boolean {
  const compiled = patterns
    .map((pattern) => pattern.trim())
    .filter((pattern) => pattern !== '')
    .map((pattern) => {
      const clean = cleanPath(pattern);
      const exception = clean.startsWith('!');
      if (clean === '!') throw new Error('illegal exclusion pattern: "!"');
      return { exception, matches: ignoreMatcher(exception ? clean.slice(1) : clean) };
    });
  return (path) => {
    let ignored = false;
    for (const { exception, matches } of compiled) {
      // Only a pattern that would change the answer is asked.
      if (exception === ignored && matches(path)) ignored = !exception;
    }
    return ignored;
  };
}
