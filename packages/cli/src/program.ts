/**
 * The command line: commands, options and their help.
 *
 * In: arguments. Out: calls into commands/, each loaded when it is used. May import: commands, values.
 */

import { Command, Option } from 'commander';
import { CliError, exitCodes } from './errors.js';
import { style } from './terminal.js';
import { collect, collectEnvironment, collectLimit, parseLimit, parseMemory } from './values.js';

const exitCodeHelp = `
Exit codes:
  0  done                          3  the application could not be built
  1  failed                        4  the image cannot be used
  2  the command line was wrong    5  the target or the host's network refused
  noos run ends with the unikernel's own code: 134 after a panic, 137 when killed.`;

/** The source options that build and run share. */
const withBuildOptions = (command: Command): Command =>
  command
    .option('--env <K=V>', 'value of env.K in the application; may be repeated', collectEnvironment)
    .option('--memory <size>', 'limit of the JavaScript heap, for example 64m', parseMemory)
    .option(
      '--limit <name=value>',
      'a limit, for example http.connections=1000; may be repeated',
      collectLimit,
    )
    .option('--http-body-limit <size>', 'longest request body, streamed ones too; none otherwise', (size) =>
      parseLimit('http.bodyBytes', size),
    )
    .option('--no-snapshot', 'evaluate the application when it starts, not when it is built');

type DaemonCommand = (words: readonly string[]) => Promise<number>;

/** The engine is a package of its own, which an application's project does not need. */
async function loadDaemonCommand(): Promise<DaemonCommand> {
  const name: string = '@noos/daemon';
  try {
    import.meta.resolve(name);
  } catch {
    throw new CliError(
      exitCodes.failed,
      `the container engine is not installed: npm install --global noos ${name}, or the Debian package noos`,
    );
  }
  return ((await import(`${name}/command`)) as { daemonCommand: DaemonCommand }).daemonCommand;
}

/** Makes the program; `setExitCode` gets the code of the command that ran. */
export function createProgram(version: string, setExitCode: (code: number) => void): Command {
  const program = new Command('noos')
    .description('Runs TypeScript services as unikernels: no operating system inside.')
    .version(version)
    .showHelpAfterError('(noos --help lists commands and options)')
    .addHelpText('after', exitCodeHelp);

  program
    .command('init')
    .description('make a new application that runs at once')
    .argument('[directory]', 'new or empty directory', '.')
    .action(async (directory: string) => {
      const { create } = await import('create-noos');
      for (const line of create(directory)) console.log(line);
    });

  withBuildOptions(
    program
      .command('build')
      .description('build an application into an image')
      .argument('[entry]', 'module or directory with a package.json', '.'),
  )
    .option('-o, --output <file>', 'the image; NAME.noos otherwise')
    .option('--name <name>', 'name in the manifest; that of the package or module otherwise')
    .action(async (entry: string, options) => {
      const { buildCommand } = await import('./commands/build.js');
      setExitCode(await buildCommand(entry, options));
    });

  withBuildOptions(
    program
      .command('run')
      .description('run an application or an image (built when needed, cached by content)')
      .argument('[entry|image]', 'module, directory with a package.json, or image', '.'),
  )
    .addOption(
      new Option('--target <target>', 'where: node, process, vm').default('node', 'node: in this process'),
    )
    .option('-p, --publish <port>', '[HOSTIP:]HOST:GUEST[/udp]; may be repeated', collect)
    .option('--tap <name>', 'network over a TAP device instead of the user-mode network')
    .option('--ip <cidr>', 'static address, for example 192.0.2.2/24; DHCP otherwise')
    .option('--gateway <address>', 'router of the static address')
    .option('--dns <addresses>', 'DNS servers of the static address, separated by commas')
    .option('--network <cidr>', 'network of the user-mode network', '10.99.0.0/24')
    .option('--no-host-loopback', 'host.noos.internal does not lead to services of this host')
    .option('--pcap <file>', 'write every frame to a file for Wireshark and tshark')
    .option('--probe', 'ask the first published port for / and print when it answered')
    .option('--json', 'events on standard error as JSON, one a line')
    .action(async (source: string, options) => {
      const { runCommand } = await import('./commands/run.js');
      setExitCode(await runCommand(source, options));
    });

  program
    .command('inspect')
    .description('show what is in an image')
    .argument('<image>')
    .option('--json', 'as JSON')
    .option('--compare', 'the layers left, next to the same service in a container')
    .action(async (image: string, options) => {
      const { inspectCommand } = await import('./commands/inspect.js');
      setExitCode(await inspectCommand(image, options));
    });

  program
    .command('doctor')
    .alias('targets')
    .description('show which targets can run here, and why not')
    .option('--json', 'as JSON')
    .action(async (options) => {
      const { doctor } = await import('./commands/doctor.js');
      setExitCode(await doctor(options));
    });

  program
    .command('daemon')
    .description('run the container engine behind the Docker API')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[options...]', 'noos daemon --help lists them')
    .action(async (words: string[]) => {
      setExitCode(await (await loadDaemonCommand())(words));
    });

  for (const command of program.commands)
    command.showHelpAfterError(`(noos ${command.name()} --help lists its options)`);
  program.configureOutput({ outputError: (text, write) => write(style('red', text.trimEnd()).concat('\n')) });
  return program;
}
