/**
 * `noos daemon`: the container engine behind the Docker API, until a signal ends it.
 *
 * In: arguments. Out: an exit code. May import: config; the daemon itself by index.ts.
 * It is here and not in the command line's package, which works without the daemon's.
 */
import { Command, Option } from 'commander';
import {
  ConfigError,
  type DaemonConfig,
  daemonOptions,
  flagOf,
  loadConfig,
  type OptionValue,
  parseFlagValue,
  type RunningDaemon,
  startDaemon,
} from './index.js';

const lingerMs = 2000;

interface Parsed {
  config: DaemonConfig;
  /** Reads file and flags again. */
  again(): DaemonConfig;
  validateOnly: boolean;
}

/** `--no-new-privileges` is a name of Docker's, not the negation of an option. */
function createOption(flags: string, help: string): Option {
  const option = new Option(flags, help);
  option.negate = false;
  return option;
}

/** The command with all options of the daemon's table. */
export function createDaemonCommand(): Command {
  const command = new Command('noos daemon')
    .description('Runs the container engine; the docker command line drives it through the socket.')
    .option('--config-file <file>', 'configuration in JSON (default /etc/noos/daemon.json)')
    .option('--validate', 'check the configuration and exit')
    // A flag without its value stands for true: no need to say so at each.
    .configureHelp({ optionDescription: ({ description }) => description })
    .showHelpAfterError('(noos daemon --help lists its options)')
    .addHelpText('after', '\nKeys of the file are those of Docker’s daemon.json; see docs/daemon.md.');
  for (const option of daemonOptions) {
    const flag = flagOf(option);
    if (flag === undefined) continue;
    const short = option.short === undefined ? '' : `-${option.short}, `;
    const argument = option.kind === 'boolean' ? '[bool]' : `<${option.argument ?? 'value'}>`;
    command.addOption(
      createOption(`${short}--${flag} ${argument}`, option.help)
        .preset('true')
        .argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]),
    );
  }
  return command;
}

function parse(words: readonly string[]): Parsed {
  const command = createDaemonCommand().exitOverride();
  command.parse(words, { from: 'user' });
  const flags = new Map<string, OptionValue>();
  for (const option of daemonOptions) {
    const flag = flagOf(option);
    if (flag === undefined) continue;
    const texts = command.getOptionValue(createOption(`--${flag}`, '').attributeName());
    if (texts !== undefined) flags.set(option.key, parseFlagValue(option, texts as string[]));
  }
  const { configFile, validate } = command.opts<{ configFile?: string; validate?: boolean }>();
  const again = (): DaemonConfig =>
    loadConfig({ flags, ...(configFile === undefined ? {} : { configFile }) });
  return { config: again(), again, validateOnly: validate === true };
}

/**
 * SIGTERM and SIGINT end in order (the third one at once, as dockerd), SIGHUP reads the configuration again. What comes
 * while the daemon starts waits until it has: half a start would leave bridge and rules.
 */
function followSignals(starting: Promise<RunningDaemon>, again: () => DaemonConfig): void {
  // A start that fails is reported by whoever waits for it.
  const onceStarted = (act: (daemon: RunningDaemon) => unknown): void =>
    void starting.then(act, () => undefined);
  let count = 0;
  const end = (): void => {
    if (++count === 3) process.exit(128 + 15);
    onceStarted((daemon) => daemon.stop());
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  process.on('SIGHUP', () =>
    onceStarted((daemon) => {
      try {
        daemon.reload(again());
      } catch (error) {
        process.stderr.write(`noos: configuration not reloaded: ${(error as Error).message}\n`);
      }
    }),
  );
}

/** Runs until the daemon has stopped; gives 0, or 1 for a configuration that cannot be used. */
export async function daemonCommand(words: readonly string[]): Promise<number> {
  let parsed: Parsed;
  try {
    parsed = parse(words);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  if (parsed.validateOnly) {
    process.stdout.write('configuration OK\n');
    return 0;
  }
  const starting = startDaemon(parsed.config);
  followSignals(starting, parsed.again);
  await (await starting).stopped;
  // Nothing of ours is open any more; should something be, it may not keep the process.
  setTimeout(() => process.exit(), lingerMs).unref();
  return 0;
}
