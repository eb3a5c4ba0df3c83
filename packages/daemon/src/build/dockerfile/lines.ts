/**
 * A Dockerfile's text as logical lines: directives read, comments dropped, continuations joined, heredocs attached.
 * The rules are those of moby's parser, line by line, because the joined line is what `docker build` prints and what
 * the shell of a RUN gets.
 *
 * In: text of a Dockerfile. Out: lines, warnings; or DockerfileError. May import: text, lexer, words.
 */
import { expandWords } from './lexer.js';
import { DockerfileError, isSpace, SyntaxProblem, trim, trimStart } from './text.js';
import { isJsonArray, splitInstruction } from './words.js';

export interface Heredoc {
  name: string;
  /** `<<EOF` expands variables, `<<"EOF"` does not. */
  expand: boolean;
  /** `<<-EOF`: leading tabs are dropped. */
  chomp: boolean;
  content: string;
}

export interface Line {
  /** As written: `From`. */
  keyword: string;
  /** `--name=value` words between the keyword and the arguments. */
  flags: readonly string[];
  /** The arguments, trimmed. */
  rest: string;
  /** The joined line as printed in `Step 1/2 : …`. */
  original: string;
  heredocs: readonly Heredoc[];
  /** First and last line, from 1. */
  line: number;
  endLine: number;
  /** Of the keyword, from 1. */
  column: number;
}

export interface ParsedLines {
  lines: readonly Line[];
  escapeToken: string;
  warnings: readonly string[];
}

/** bufio.MaxScanTokenSize - 1: longer physical lines are refused. */
const lineLimitBytes = 65535;
const directivePattern = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/;
const directiveNames = new Set(['syntax', 'escape', 'check']);

const isComment = (line: string): boolean => trimStart(line).startsWith('#');
const withoutNewline = (line: string): string => line.replace(/[\r\n]+$/, '');

/** Ends with the escape character alone (not escaped itself), blanks after it allowed. */
function joinedWithNext(line: string, escapeToken: string): string | undefined {
  const end = line.replace(/[ \t]+$/, '');
  if (!end.endsWith(escapeToken)) return undefined;
  const before = end.slice(0, -1);
  return before.endsWith(escapeToken) ? undefined : before;
}

/** Reads `# name=value` lines at the top of the file. */
function createDirectiveReader(): { read(line: string): string | undefined; escapeToken(): string } {
  let done = false;
  let escapeToken = '\\';
  const seen = new Set<string>();
  return {
    escapeToken: () => escapeToken,
    /** The problem, or undefined. */
    read(line) {
      if (done) return undefined;
      const match = line.startsWith('#') ? directivePattern.exec(trimStart(line.slice(1))) : null;
      const name = match?.[1]?.toLowerCase() ?? '';
      if (!match || !directiveNames.has(name)) {
        done = true;
        return undefined;
      }
      if (seen.has(name)) return `only one ${name} parser directive can be used`;
      seen.add(name);
      if (name !== 'escape') return undefined;
      const value = match[2]!;
      if (value !== '`' && value !== '\\') return `invalid escape token '${value}' does not match \` or \\`;
      escapeToken = value;
      return undefined;
    },
  };
}

const heredocPattern = /^(\d*)<<(-?)\s*([^<]*)$/;
const heredocKeywords = new Set(['add', 'copy', 'run']);
const countQuotes = (text: string): number => text.replace(/[^'"]/g, '').length;
const nothing = (): undefined => undefined;

/** `<<EOF` as a word of a line; undefined when it is something else. */
export function parseHeredoc(word: string): Heredoc | undefined {
  const match = heredocPattern.exec(word);
  const rest = match?.[3];
  if (!match || !rest) return undefined;
  const words = expandWords(rest, '\\', nothing, { skipUnset: true });
  if (words.length !== 1) return undefined;
  const raw = expandWords(rest, '\\', nothing, { skipUnset: true, rawQuotes: true });
  return {
    name: words[0]!,
    // A name that is quoted in part asks for content as it is.
    expand: countQuotes(words[0]!) === countQuotes(raw[0] ?? ''),
    chomp: match[2] === '-',
    content: '',
  };
}

function heredocsOf(line: string): Heredoc[] {
  try {
    return expandWords(line, '\\', nothing, { rawQuotes: true, rawEscapes: true, skipUnset: true })
      .map(parseHeredoc)
      .filter((heredoc) => heredoc !== undefined);
  } catch (error) {
    // Quotes that do not match are the shell's business.
    if (error instanceof SyntaxProblem) return [];
    throw error;
  }
}

function takesHeredocs(keyword: string, rest: string, escapeToken: string): boolean {
  if (keyword.toLowerCase() === 'onbuild') {
    const inner = splitInstruction(rest, escapeToken);
    return heredocKeywords.has(inner.keyword.toLowerCase()) && !isJsonArray(inner.rest);
  }
  return heredocKeywords.has(keyword.toLowerCase()) && !isJsonArray(rest);
}

/** What Docker puts before a problem that it finds while it cuts `file` into words. */
export const parsePrefix = (file: string | undefined): string =>
  file === undefined ? '' : `failed to parse ${file}: `;

/** Cuts a Dockerfile into its instructions; throws DockerfileError with Docker's text, which names `file`. */
export function parseLines(text: string, file?: string): ParsedLines {
  const refuse = (problem: string, line: number, column: number): DockerfileError =>
    new DockerfileError(parsePrefix(file) + problem, line, column);
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const physical = source.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const lines: Line[] = [];
  const warnings: string[] = [];
  const directives = createDirectiveReader();
  let at = 0;
  const next = (): string | undefined => {
    const line = physical[at];
    if (line === undefined) return undefined;
    at++;
    if (line.length > lineLimitBytes / 4 && Buffer.byteLength(line) > lineLimitBytes)
      throw refuse(`dockerfile line greater than max allowed size of ${lineLimitBytes}`, at, 1);
    return line;
  };
  for (let first = next(); first !== undefined; first = next()) {
    const startLine = at;
    const stripped = trimStart(withoutNewline(first));
    const problem = directives.read(stripped);
    if (problem) throw refuse(problem, startLine, 1);
    const escapeToken = directives.escapeToken();
    if (stripped === '' || stripped.startsWith('#')) continue;
    let joined = '';
    let piece: string | undefined = stripped;
    let emptyContinuation = false;
    for (;;) {
      const before: string | undefined = joinedWithNext(piece, escapeToken);
      joined += before ?? piece;
      if (before === undefined) break;
      for (piece = next(); piece !== undefined; piece = next()) {
        if (isComment(piece)) continue;
        piece = withoutNewline(piece);
        if (trimStart(piece) !== '') break;
        emptyContinuation = true;
      }
      if (piece === undefined) break;
    }
    if (emptyContinuation) warnings.push(`[WARNING]: Empty continuation line found in:\n    ${joined}`);
    // Only an escape character and nothing to join it with.
    if (joined === '') continue;
    const column = [...first].findIndex((character) => !isSpace(character)) + 1;
    const { keyword, flags, rest } = splitInstruction(joined, escapeToken);
    const heredocs =
      joined.includes('<<') && takesHeredocs(keyword, rest, escapeToken) ? heredocsOf(joined) : [];
    for (const heredoc of heredocs) {
      let content = '';
      for (let line = next(); ; line = next()) {
        if (line === undefined) throw refuse('unterminated heredoc', startLine, column);
        const end = withoutNewline(line);
        if ((heredoc.chomp ? end.replace(/^\t+/, '') : end) === heredoc.name) break;
        content += line;
      }
      heredoc.content = content;
    }
    lines.push({
      keyword,
      flags,
      rest,
      original: trim(joined),
      heredocs,
      line: startLine,
      endLine: at,
      column,
    });
  }
  if (lines.length === 0) throw refuse('file with no instructions', Math.max(at, 1), 1);
  return { lines, escapeToken: directives.escapeToken(), warnings };
}
