/**
 * Target `process`: the native runtime as a confined Linux process.
 *
 * In: an image and its attachment. Out: a started unikernel. May import: native, stream-port, errors.
 */
import { runtimeProcess } from '@noos/native';
import { streamPort } from '../stream-port/stream-port.js';
import { startChild, streamFd } from './child.js';
import { nativeRuntime } from './native-runtime.js';
import type { Target, TargetOptions, TargetRun } from './target.js';

/** The command line of runtime-process (its --help lists it). */
function commandLine(runtimePath: string, options: TargetOptions): string[] {
  const { attachment, address } = options;
  const optional = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [name, value];
  return [
    runtimePath,
    ...(attachment.kind === 'tap' ? ['--tap', attachment.name] : ['--fd', String(streamFd)]),
    ...optional('--mtu', attachment.kind === 'tap' ? undefined : String(attachment.mtuBytes)),
    ...['--mac', options.mac],
    ...optional('--ip', address?.cidr),
    ...optional('--gateway', address?.gateway),
    ...optional('--dns', address?.dnsServers.join(',') || undefined),
    ...optional('--memory', options.memoryBytes === undefined ? undefined : String(options.memoryBytes)),
    ...options.diskPaths.flatMap((path) => ['--disk', path]),
    ...[...options.parameters].flatMap(([key, value]) => ['--param', `${key}=${value}`]),
    options.imagePath,
  ];
}

/** Starts runtime-process; throws `runtime-not-built` when it is missing. */
export const startProcess: Target = async (options): Promise<TargetRun> => {
  const { path } = nativeRuntime(runtimeProcess);
  const { run, stream } = await startChild(commandLine(path, options), options.console);
  const { attachment } = options;
  if (attachment.kind === 'tap') {
    stream.destroy();
    return run;
  }
  const disconnect = attachment.connect(streamPort(stream, { mtuBytes: attachment.mtuBytes }));
  return { ...run, exited: run.exited.finally(disconnect) };
};
