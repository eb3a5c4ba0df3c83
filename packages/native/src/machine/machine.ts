/**
 * A running virtual machine: QEMU as a child process, its streams, how it ended.
 *
 * In: what the machine shall have. Out: output, errors (with panics), one socket per stream network, the exit code.
 * Messages on the control channel: the host sends parameter lines, an empty line, later `stop`; the unikernel sends
 * `exit N`. When the host's end closes, the machine ends at once. May import: the machine folder, node's own modules.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { descriptors, type MachineOptions, maxDevices, qemuArguments } from './qemu.js';

export const qemuProgram = 'qemu-system-x86_64';

/** Exit code of a unikernel that panicked (platform interface, `panic`). */
export const panicExitCode = 134;

export type VmErrorCode =
  /** QEMU is not installed. */
  | 'qemu-missing'
  /** QEMU refused to start or died; the message has its own words. */
  | 'qemu-failed'
  /** More networks and blocks than the machine has slots. */
  | 'too-many-devices';

/** What kept a machine from running; `message` is one line that says what to do. */
export class VmError extends Error {
  constructor(
    readonly code: VmErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'VmError';
  }
}

export interface VmOptions extends MachineOptions {
  /** Start parameters, one `key=value` per line; not visible in the host's process list. */
  parameters?: string;
  /** The caller has compared the image's digest; the machine does it otherwise. */
  imageChecked?: boolean;
}

export interface VmExit {
  /** What the unikernel passed to `exit`, 134 after a panic, 137 when it was killed. */
  code: number;
}

export interface Vm {
  /** Process id of QEMU. */
  pid: number;
  output: Readable;
  /** Standard error of the unikernel and what the machine says when it panics. */
  error: Readable;
  /** The host's ends of the stream networks, in the order of `nets`. */
  nets: Socket[];
  /** Asks the unikernel to finish (turn event `stop`). */
  stop(): void;
  /** Ends the machine at once. */
  kill(): void;
  /** Settles when the machine is off and all streams have ended; rejects with a VmError when QEMU failed. */
  exited: Promise<VmExit>;
}

/**
 * A user that nobody has (below 2^31, above what distributions and subordinate ranges give out), another for each
 * machine: one that breaks out of QEMU reaches neither the host's files nor another machine. Undefined unless root.
 */
function unprivilegedUser(): number | undefined {
  return process.getuid?.() === 0 ? randomInt(0x7000_0000, 0x7fff_0000) : undefined;
}

/** Both streams' bytes in the order of their arrival; ends when both have ended. */
function merged(...streams: Readable[]): Readable {
  const all = new PassThrough();
  let open = streams.length;
  for (const stream of streams) {
    stream.pipe(all, { end: false });
    stream.once('close', () => {
      if (--open === 0) all.end();
    });
  }
  return all;
}

/** Collects a stream's text, at most `limit` characters. */
function collected(stream: Readable, limit: number): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < limit) text += chunk;
  });
  return () => text;
}

/** Starts QEMU. Throws VmError `too-many-devices`; everything later is reported by `exited`. */
export function startVm(options: VmOptions): Vm {
  const nets = options.nets ?? [];
  if (nets.length + (options.blocks ?? []).length > maxDevices)
    throw new VmError(
      'too-many-devices',
      `a vm has at most ${maxDevices} networks and block devices together`,
    );
  const streams = nets.filter((net) => net.kind === 'stream').length;
  const parameters = options.parameters;
  const commandLine = [
    ...(options.commandLine ?? []),
    `noos.clock=${Date.now()}`,
    ...(parameters === undefined ? [] : ['noos.parameters=control']),
    ...(options.imageChecked ? ['noos.image=checked'] : []),
  ];
  const runAs = options.runAs ?? unprivilegedUser();
  const machine = { ...options, commandLine, ...(runAs === undefined ? {} : { runAs }) };
  const child = spawn(qemuProgram, qemuArguments(machine), {
    stdio: [
      'ignore',
      'ignore',
      'pipe',
      ...Array.from({ length: descriptors.nets - 3 + streams }, () => 'pipe' as const),
    ],
    // Ctrl-C reaches the host alone, which then asks the unikernel to stop.
    detached: true,
  });
  child.on('error', () => {});
  if (child.pid === undefined && child.stdio === undefined)
    throw new VmError('qemu-failed', `${qemuProgram} cannot be started: out of descriptors (ulimit -n)`);
  const socketAt = (descriptor: number): Socket => child.stdio[descriptor] as unknown as Socket;
  const control = socketAt(descriptors.control);
  const qemuSays = collected(child.stderr as Readable, 4096);
  const said = collected(control, 4096);
  // A machine that is gone takes no more words.
  for (const stream of child.stdio.slice(3)) stream?.on('error', () => {});
  if (parameters !== undefined) {
    const ended = parameters === '' || parameters.endsWith('\n') ? parameters : `${parameters}\n`;
    control.write(`${ended}\n`);
  }

  const exited = new Promise<VmExit>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'ENOENT'
          ? new VmError('qemu-missing', `${qemuProgram} is not installed: apt-get install qemu-system-x86`)
          : new VmError('qemu-failed', `${qemuProgram} cannot be started: ${error.message}`),
      ),
    );
    child.once('close', (status, signal) => {
      const code = said().match(/^exit (\d+)$/m)?.[1];
      if (code !== undefined) resolve({ code: Number(code) });
      else if (signal === 'SIGKILL') resolve({ code: 137 });
      else if (status === 0) resolve({ code: panicExitCode });
      else
        reject(new VmError('qemu-failed', `QEMU failed: ${qemuSays().trim().split('\n').at(-1) || signal}`));
    });
  });
  return {
    pid: child.pid ?? 0,
    output: socketAt(descriptors.output),
    error: merged(socketAt(descriptors.error), socketAt(descriptors.serial)),
    nets: Array.from({ length: streams }, (_, index) => socketAt(descriptors.nets + index)),
    stop: () => control.write('stop\n'),
    kill: () => child.kill('SIGKILL'),
    exited,
  };
}
