/**
 * Instructions that change the configuration of the image only. `docker commit --change` uses the same functions.
 *
 * In: an instruction with variables replaced, the configuration so far. Out: the new configuration and the text that
 * goes into the history. May import: dockerfile, run-config, ports.
 */
import { constants } from 'node:os';
import { posix } from 'node:path';
import type { HealthcheckConfig } from '../../images/types.js';
import { formatDuration } from '../dockerfile/duration.js';
import type { Body, BodyOf, CommandLine } from '../dockerfile/instructions.js';
import { quote } from '../dockerfile/text.js';
import { exposedPorts } from './ports.js';
import { type StepConfig, setVariable, shellOf } from './run-config.js';

export interface Configured {
  config: StepConfig;
  /** `CMD ["sh"]` */
  comment: string;
  author?: string;
  cmdSet?: boolean;
  /** Something people should know, printed before the step. */
  note?: string;
}

export type ConfiguringKind = Exclude<Body['kind'], 'add' | 'arg' | 'copy' | 'from' | 'run' | 'workdir'>;

/** Go's %q of a list of strings. */
const quoteList = (words: readonly string[]): string => `[${words.map(quote).join(' ')}]`;

/** The command with the SHELL before it when it has the shell form. */
export const resolveCommand = (command: CommandLine, config: StepConfig): string[] =>
  command.shell ? [...shellOf(config), ...command.words] : [...command.words];

/** WORKDIR's path: absolute, clean. */
export function workingDirectory(current: string, requested: string): string {
  if (requested === '') throw new Error('cannot normalize nothing');
  const path = posix.resolve('/', current, requested);
  return path === '' ? '/' : path;
}

/** SIGRTMIN of the kernel's numbering as glibc and musl leave it to applications, and the last. */
const realTime = { first: 34, last: 64 };

/** Whether `docker stop` can send it: a number, `TERM`, `SIGTERM`, `RTMIN+3`. */
export function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) > 0;
  const name = text.toUpperCase().replace(/^SIG/, '');
  if (Object.hasOwn(constants.signals, `SIG${name}`)) return true;
  const match = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (!match) return ['CLD', 'STKFLT'].includes(name);
  const base = match[1] === 'MIN' ? realTime.first : realTime.last;
  const number = base + Number(`${match[2] ?? '+'}${match[3] ?? 0}`);
  return number >= realTime.first && number <= realTime.last;
}

/** As Go prints the structure: `&{["CMD" "x"] "5s" "0s" "0s" "0s" '\x03'}`. */
function showHealthcheck(check: HealthcheckConfig): string {
  const retries = check.Retries ?? 0;
  const durations = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval].map((duration) =>
    quote(formatDuration(duration ?? 0)),
  );
  const character =
    retries < 0x20 ? `'\\x${retries.toString(16).padStart(2, '0')}'` : `'${String.fromCodePoint(retries)}'`;
  return `&{${quoteList(check.Test ?? [])} ${durations.join(' ')} ${character}}`;
}

function healthcheck({ check }: BodyOf<'healthcheck'>, config: StepConfig): Configured {
  const before = config.Healthcheck?.Test ?? [];
  return {
    config: { ...config, Healthcheck: check },
    comment: `HEALTHCHECK ${showHealthcheck(check)}`,
    ...(before.length > 0 &&
      before[0] !== 'NONE' && { note: `Note: overriding previous HEALTHCHECK: [${before.join(' ')}]\n` }),
  };
}

function entrypoint({ command }: BodyOf<'entrypoint'>, config: StepConfig, cmdSet: boolean): Configured {
  const words = command.words.length === 0 ? null : resolveCommand(command, config);
  const next: StepConfig = { ...config, Entrypoint: words };
  if (!cmdSet) next.Cmd = null;
  return { config: next, comment: `ENTRYPOINT ${quoteList(words ?? [])}` };
}

/** Applies one instruction; `ports` replaces variables in a word of EXPOSE, into several words. */
export function configure(
  body: Extract<Body, { kind: ConfiguringKind }>,
  config: StepConfig,
  options: { cmdSet: boolean; ports(word: string): string[] },
): Configured {
  switch (body.kind) {
    case 'cmd': {
      const words = resolveCommand(body.command, config);
      return {
        config: { ...config, Cmd: words },
        comment: `CMD ${quoteList(words)}`,
        ...(body.command.words.length > 0 && { cmdSet: true }),
      };
    }
    case 'entrypoint':
      return entrypoint(body, config, options.cmdSet);
    case 'env': {
      let environment: readonly string[] = config.Env ?? [];
      for (const { key, value } of body.pairs) environment = setVariable(environment, key, value);
      const shown = body.pairs.map(({ key, value }) => ` ${key}=${value}`).join('');
      return { config: { ...config, Env: [...environment] }, comment: `ENV${shown}` };
    }
    case 'expose': {
      const words = body.ports.flatMap(options.ports);
      const exposed = Object.fromEntries(words.flatMap(exposedPorts).map((port) => [port, {}]));
      return {
        config: { ...config, ExposedPorts: { ...config.ExposedPorts, ...exposed } },
        comment: `EXPOSE ${words.join(' ')}`,
      };
    }
    case 'healthcheck':
      return healthcheck(body, config);
    case 'label': {
      const labels = Object.fromEntries(body.pairs.map(({ key, value }) => [key, value]));
      const shown = body.pairs.map(({ key, value }) => ` ${key}=${value}`).join('');
      return { config: { ...config, Labels: { ...config.Labels, ...labels } }, comment: `LABEL${shown}` };
    }
    case 'maintainer':
      return { config, comment: `MAINTAINER ${body.author}`, author: body.author };
    case 'onbuild':
      return {
        config: { ...config, OnBuild: [...(config.OnBuild ?? []), body.expression] },
        comment: `ONBUILD ${body.expression}`,
      };
    case 'shell':
      return {
        config: { ...config, Shell: [...body.shell] },
        comment: `SHELL [${body.shell.join(' ')}]`,
      };
    case 'stopsignal':
      if (!isSignal(body.signal)) throw new Error(`Invalid signal: ${body.signal}`);
      return { config: { ...config, StopSignal: body.signal }, comment: `STOPSIGNAL ${body.signal}` };
    case 'user':
      return { config: { ...config, User: body.user }, comment: `USER ${body.user}` };
    case 'volume': {
      if (body.volumes.includes('')) throw new Error('VOLUME specified can not be an empty string');
      const volumes = Object.fromEntries(body.volumes.map((path) => [path, {}]));
      return {
        config: { ...config, Volumes: { ...config.Volumes, ...volumes } },
        comment: `VOLUME [${body.volumes.join(' ')}]`,
      };
    }
  }
}
