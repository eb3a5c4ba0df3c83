/**
 * A logical line as an instruction with typed fields; lines as stages. Variables are not replaced yet.
 *
 * In: lines. Out: instructions and stages; throws DockerfileError with Docker's texts. May import: lines, words, flags.
 */
import type { HealthcheckConfig } from '../../images/types.js';
import { parseDuration } from './duration.js';
import { type FlagKind, type Flags, parseFlags } from './flags.js';
import { type Heredoc, type Line, parseHeredoc, parsePrefix } from './lines.js';
import { blanks, DockerfileError, quote, SyntaxProblem, trim, WordProblem } from './text.js';
import { jsonOrWords, jsonStrings, type Pair, pairs, quotedWords } from './words.js';

/** Shell form or exec form of RUN, CMD, ENTRYPOINT. */
export interface CommandLine {
  words: readonly string[];
  /** Shell form: the SHELL goes before it. */
  shell: boolean;
}

/** A file whose content stands in the Dockerfile. */
export interface InlineFile {
  name: string;
  content: string;
  expand: boolean;
}

export interface CopyFields {
  sources: readonly string[];
  files: readonly InlineFile[];
  destination: string;
  chown: string;
  chmod: string;
  exclude: readonly string[];
}

export type Body =
  | { kind: 'add'; copy: CopyFields; checksum: string; unpack: boolean | undefined }
  | { kind: 'arg'; args: readonly { name: string; value: string | undefined }[] }
  | { kind: 'cmd'; command: CommandLine }
  | { kind: 'copy'; copy: CopyFields; from: string }
  | { kind: 'entrypoint'; command: CommandLine }
  | { kind: 'env'; pairs: readonly Pair[] }
  | { kind: 'expose'; ports: readonly string[] }
  | { kind: 'from'; base: string; name: string; platform: string }
  | { kind: 'healthcheck'; check: HealthcheckConfig }
  | { kind: 'label'; pairs: readonly Pair[]; literal: boolean }
  | { kind: 'maintainer'; author: string }
  | { kind: 'onbuild'; expression: string }
  | { kind: 'run'; command: CommandLine; heredocs: readonly Heredoc[]; refused?: Error }
  | { kind: 'shell'; shell: readonly string[] }
  | { kind: 'stopsignal'; signal: string }
  | { kind: 'user'; user: string }
  | { kind: 'volume'; volumes: readonly string[] }
  | { kind: 'workdir'; path: string };

export type Kind = Body['kind'];
export type BodyOf<K extends Kind> = Extract<Body, { kind: K }>;

export interface Instruction<B extends Body = Body> {
  body: B;
  /** As printed in `Step 1/2 : …`. */
  code: string;
  line: number;
  column: number;
}

export interface Stage {
  from: Instruction<BodyOf<'from'>>;
  instructions: Instruction[];
}

const atLeastOne = (keyword: string): SyntaxProblem =>
  new SyntaxProblem(`${keyword} requires at least one argument`);
const exactlyOne = (keyword: string): SyntaxProblem =>
  new SyntaxProblem(`${keyword} requires exactly one argument`);

const none: Readonly<Record<string, FlagKind>> = {};

/** A single argument that is the whole rest of the line. */
function whole(line: Line, keyword: string): string {
  if (line.rest === '') throw exactlyOne(keyword);
  parseFlags(line.flags, none);
  return line.rest;
}

function command(line: Line): CommandLine {
  const json = line.rest === '' ? undefined : jsonStrings(line.rest);
  if (json) return { words: json, shell: false };
  return { words: line.rest === '' ? [] : [line.rest], shell: true };
}

function keyValues(line: Line, keyword: string, escapeToken: string): Pair[] {
  const found = pairs(line.rest, keyword, escapeToken);
  parseFlags(line.flags, none);
  if (found.length === 0) throw atLeastOne(keyword);
  if (found.some(({ key }) => key === '')) throw new SyntaxProblem(`${keyword} names can not be blank`);
  return found;
}

function copyFields(line: Line, keyword: string, flags: Flags): CopyFields {
  const { words, json } = jsonOrWords(line.rest);
  if (words.length < 2)
    throw new SyntaxProblem(
      `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
  const destination = words.at(-1)!;
  const heredoc = (word: string): Heredoc | undefined => (json ? undefined : parseHeredoc(word));
  if (heredoc(destination)) throw new SyntaxProblem(`${keyword} cannot accept a heredoc as a destination`);
  const sources: string[] = [];
  const files: InlineFile[] = [];
  for (const word of words.slice(0, -1)) {
    const found = heredoc(word);
    if (!found) {
      sources.push(word);
      continue;
    }
    const content = line.heredocs.find(({ name }) => name === found.name)?.content ?? '';
    files.push({
      name: found.name,
      content: found.chomp ? content.replace(/^\t+/gm, '') : content,
      expand: found.expand,
    });
  }
  return {
    sources,
    files,
    destination,
    chown: flags.string('chown'),
    chmod: flags.string('chmod'),
    exclude: flags.list('exclude'),
  };
}

const copyFlags: Readonly<Record<string, FlagKind>> = {
  chown: 'string',
  chmod: 'string',
  link: 'boolean',
  exclude: 'list',
};

const needsBuildKit = (flag: string): SyntaxProblem =>
  new SyntaxProblem(
    `the --${flag} option requires BuildKit. Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled`,
  );

function interval(flags: Flags, name: string): number {
  const text = flags.string(name);
  if (text === '') return 0;
  const nanoseconds = parseDuration(text);
  if (nanoseconds !== 0 && nanoseconds < 1e6)
    throw new SyntaxProblem(`Interval ${quote(name)} cannot be less than 1ms`);
  return nanoseconds;
}

function healthcheck(line: Line): HealthcheckConfig {
  const [, type = '', rest = ''] = /^(\S*)\s*(.*)$/s.exec(line.rest) ?? [];
  if (type === '') throw atLeastOne('HEALTHCHECK');
  const upper = type.toUpperCase();
  if (upper === 'NONE') {
    if (rest !== '') throw new SyntaxProblem('HEALTHCHECK NONE takes no arguments');
    return { Test: ['NONE'] };
  }
  const flags = parseFlags(line.flags, {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  });
  if (upper !== 'CMD') throw new SyntaxProblem(`Unknown type ${quote(upper)} in HEALTHCHECK (try CMD)`);
  const json = jsonStrings(rest);
  const words = json ?? (rest === '' ? [] : [rest]);
  if (words.length === 0) throw new SyntaxProblem('Missing command after HEALTHCHECK CMD');
  const check: HealthcheckConfig = { Test: [json ? 'CMD' : 'CMD-SHELL', ...words] };
  const set = (key: 'Interval' | 'Timeout' | 'StartPeriod' | 'StartInterval', name: string): void => {
    const nanoseconds = interval(flags, name);
    if (nanoseconds) check[key] = nanoseconds;
  };
  set('Interval', 'interval');
  set('Timeout', 'timeout');
  set('StartPeriod', 'start-period');
  set('StartInterval', 'start-interval');
  const retries = flags.string('retries');
  if (retries !== '') {
    if (!/^[-+]?\d{1,9}$/.test(retries))
      throw new SyntaxProblem(`strconv.ParseInt: parsing ${quote(retries)}: invalid syntax`);
    if (Number(retries) < 0) throw new SyntaxProblem(`--retries cannot be negative (${Number(retries)})`);
    if (Number(retries) > 0) check.Retries = Number(retries);
  }
  return check;
}

const stageName = /^[a-z][a-z0-9-_.]*$/;

function from(line: Line): BodyOf<'from'> {
  const words = line.rest === '' ? [] : line.rest.split(blanks);
  let name = '';
  if (words.length === 3 && words[1]!.toLowerCase() === 'as') {
    name = words[2]!.toLowerCase();
    if (!stageName.test(name))
      throw new SyntaxProblem(
        `invalid name for build stage: ${quote(words[2]!)}, name can't start with a number or contain symbols`,
      );
  } else if (words.length !== 1) throw new SyntaxProblem('FROM requires either one or three arguments');
  const flags = parseFlags(line.flags, { platform: 'string' });
  return { kind: 'from', base: words[0]!, name, platform: flags.string('platform') };
}

function onbuild(line: Line): BodyOf<'onbuild'> {
  if (line.rest === '') throw atLeastOne('ONBUILD');
  parseFlags(line.flags, none);
  const trigger = /^\S*/.exec(line.rest)![0].toUpperCase();
  if (trigger === 'ONBUILD') throw new SyntaxProblem("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === 'MAINTAINER' || trigger === 'FROM')
    throw new SyntaxProblem(`${trigger} isn't allowed as an ONBUILD trigger`);
  const heredocs = line.heredocs.map(({ content, name }) => `\n${content}${name}`).join('');
  return { kind: 'onbuild', expression: line.original.replace(/^\s*ONBUILD\s*/i, '') + heredocs };
}

function args(line: Line, escapeToken: string): BodyOf<'arg'> {
  const words = quotedWords(line.rest, escapeToken);
  if (words.length === 0) throw atLeastOne('ARG');
  return {
    kind: 'arg',
    args: words.map((word) => {
      const equals = word.indexOf('=');
      if (equals === 0) throw new SyntaxProblem('ARG names can not be blank');
      if (equals < 0) return { name: word, value: undefined };
      return { name: word.slice(0, equals), value: word.slice(equals + 1) };
    }),
  };
}

const parsers: Readonly<Record<Kind, (line: Line, escapeToken: string) => Body>> = {
  add(line) {
    const known = { ...copyFlags, 'keep-git-dir': 'boolean', checksum: 'string', unpack: 'boolean' } as const;
    const flags = parseFlags(line.flags, known);
    if (flags.used('keep-git-dir')) throw needsBuildKit('keep-git-dir');
    return {
      kind: 'add',
      copy: copyFields(line, 'ADD', flags),
      checksum: flags.string('checksum'),
      unpack: flags.used('unpack') ? flags.boolean('unpack') : undefined,
    };
  },
  arg: args,
  cmd(line) {
    parseFlags(line.flags, none);
    return { kind: 'cmd', command: command(line) };
  },
  copy(line) {
    const flags = parseFlags(line.flags, { ...copyFlags, from: 'string', parents: 'boolean' });
    if (flags.boolean('parents')) throw needsBuildKit('parents');
    return { kind: 'copy', copy: copyFields(line, 'COPY', flags), from: flags.string('from') };
  },
  entrypoint(line) {
    parseFlags(line.flags, none);
    return { kind: 'entrypoint', command: command(line) };
  },
  env: (line, escapeToken) => ({ kind: 'env', pairs: keyValues(line, 'ENV', escapeToken) }),
  expose(line) {
    if (line.rest === '') throw atLeastOne('EXPOSE');
    parseFlags(line.flags, none);
    return { kind: 'expose', ports: line.rest.split(blanks).sort() };
  },
  from,
  healthcheck: (line) => ({ kind: 'healthcheck', check: healthcheck(line) }),
  label: (line, escapeToken) => ({
    kind: 'label',
    pairs: keyValues(line, 'LABEL', escapeToken),
    literal: false,
  }),
  maintainer: (line) => ({ kind: 'maintainer', author: whole(line, 'MAINTAINER') }),
  onbuild,
  run(line) {
    const flag = line.flags[0];
    if (flag !== undefined) {
      const name = /^--([^=]*)/.exec(flag)?.[1] ?? '';
      if (!['mount', 'network', 'security', 'device'].includes(name)) parseFlags(line.flags, none);
      // Refused when it is run: a stage that is not wanted may have it.
      return { kind: 'run', command: command(line), heredocs: line.heredocs, refused: needsBuildKit(name) };
    }
    return { kind: 'run', command: command(line), heredocs: line.heredocs };
  },
  shell(line) {
    parseFlags(line.flags, none);
    const json = line.rest === '' ? undefined : jsonStrings(line.rest);
    if (json?.length === 0 || line.rest === '') throw atLeastOne('SHELL');
    if (!json) throw new SyntaxProblem('SHELL requires the arguments to be in JSON form');
    return { kind: 'shell', shell: json };
  },
  stopsignal: (line) => ({ kind: 'stopsignal', signal: whole(line, 'STOPSIGNAL') }),
  user: (line) => ({ kind: 'user', user: whole(line, 'USER') }),
  volume(line) {
    const { words } = jsonOrWords(line.rest);
    if (words.length === 0) throw atLeastOne('VOLUME');
    parseFlags(line.flags, none);
    const volumes = words.map(trim);
    if (volumes.includes('')) throw new SyntaxProblem('VOLUME specified can not be an empty string');
    return { kind: 'volume', volumes };
  },
  workdir: (line) => ({ kind: 'workdir', path: whole(line, 'WORKDIR') }),
};

/** One line as an instruction; throws DockerfileError. */
export function parseInstruction(line: Line, escapeToken: string, file?: string): Instruction {
  const kind = line.keyword.toLowerCase();
  try {
    if (!Object.hasOwn(parsers, kind))
      throw new SyntaxProblem(`unknown instruction: ${line.keyword.toUpperCase()}`);
    const body = parsers[kind as Kind](line, escapeToken);
    return { body, code: line.original, line: line.line, column: line.column };
  } catch (error) {
    if (error instanceof WordProblem)
      throw new DockerfileError(parsePrefix(file) + error.message, line.line, line.column);
    if (error instanceof SyntaxProblem)
      throw new DockerfileError(
        `dockerfile parse error line ${line.line}: ${error.message}`,
        line.line,
        line.column,
        error.message,
      );
    throw error;
  }
}

export interface Stages {
  /** ARG before the first FROM. */
  globalArgs: readonly Instruction<BodyOf<'arg'>>[];
  stages: readonly Stage[];
}

const isKind = <K extends Kind>(instruction: Instruction, kind: K): instruction is Instruction<BodyOf<K>> =>
  instruction.body.kind === kind;

/** All lines of a Dockerfile as stages. */
export function parseStages(lines: readonly Line[], escapeToken: string, file?: string): Stages {
  const globalArgs: Instruction<BodyOf<'arg'>>[] = [];
  const stages: Stage[] = [];
  for (const line of lines) {
    const instruction = parseInstruction(line, escapeToken, file);
    const stage = stages.at(-1);
    if (isKind(instruction, 'from')) stages.push({ from: instruction, instructions: [] });
    else if (stage) stage.instructions.push(instruction);
    else if (isKind(instruction, 'arg')) globalArgs.push(instruction);
    else throw new DockerfileError('no build stage in current context', line.line, line.column);
  }
  return { globalArgs, stages };
}
