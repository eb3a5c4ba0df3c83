/**
 * Target `vm`: the native runtime as a virtual machine without a guest operating system, in QEMU.
 *
 * In: an image and its attachment. Out: a started unikernel. May import: native, stream-port, errors.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chooseAccelerator, runtimeVm, startVm as startMachine, type Vm, VmError } from '@noos/native';
import { HostError } from '../errors.js';
import { formatParameters } from '../node/parameters.js';
import { streamPort } from '../stream-port/stream-port.js';
import { nativeRuntime } from './native-runtime.js';
import { networkParameters, type Target, type TargetRun } from './target.js';

const qemuProgram = 'qemu-system-x86_64';

/** Whether a program is in one of the directories of PATH. */
const isInstalled = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)));

/** Machine memory beside the JavaScript heap: code, library OS, page tables. */
const overheadMib = 64;
const defaultHeapMib = 64;
const mib = 1_048_576;

function hostError(error: unknown): unknown {
  if (!(error instanceof VmError)) return error;
  return new HostError(error.code === 'qemu-missing' ? 'qemu-missing' : 'start-failed', error.message, {
    cause: error,
  });
}

/** Starts QEMU; throws `runtime-not-built`, `qemu-missing`. */
export const startVm: Target = async (options): Promise<TargetRun> => {
  const { path } = nativeRuntime(runtimeVm);
  if (!isInstalled(qemuProgram))
    throw new HostError(
      'qemu-missing',
      `${qemuProgram} is not installed: apt-get install qemu-system-x86, or run on another target`,
    );
  const { attachment, mac } = options;
  const parameters = networkParameters(options, 0);
  // The machine knows its own device.
  for (const key of ['net.0.mac', 'net.0.mtu', 'net.0.features']) parameters.delete(key);
  if (options.memoryBytes !== undefined) parameters.set('memory.engine', String(options.memoryBytes));
  for (const [key, value] of options.parameters) parameters.set(key, value);
  const heapMib = Math.ceil((options.memoryBytes ?? defaultHeapMib * mib) / mib);
  let vm: Vm;
  try {
    const { accelerator, reason } = await chooseAccelerator(path);
    if (reason !== undefined) options.note(`vm runs without KVM, by emulation (TCG), so slower: ${reason}`);
    vm = startMachine({
      accelerator,
      runtime: path,
      image: options.imagePath,
      // run.ts has read the image, digest included.
      imageChecked: true,
      memoryMib: heapMib + overheadMib,
      parameters: formatParameters(parameters),
      nets: [
        attachment.kind === 'tap'
          ? { kind: 'tap', interface: attachment.name, mac }
          : { kind: 'stream', mac, mtuBytes: attachment.mtuBytes },
      ],
      blocks: options.diskPaths.map((diskPath) => ({ path: diskPath })),
    });
  } catch (error) {
    throw hostError(error);
  }
  vm.output.on('data', (bytes: Buffer) => options.console(1, bytes));
  vm.error.on('data', (bytes: Buffer) => options.console(2, bytes));
  const socket = vm.nets[0];
  const disconnect =
    attachment.kind === 'switch' && socket !== undefined
      ? attachment.connect(streamPort(socket, { mtuBytes: attachment.mtuBytes }))
      : () => {};
  const exited = vm.exited.then(
    ({ code }) => code,
    (error) => {
      throw hostError(error);
    },
  );
  return { exited: exited.finally(disconnect), stop: vm.stop, kill: vm.kill };
};
