/**
 * Whether KVM can be used: `/dev/kvm` may be absent, forbidden, or open and execute guests by slow emulation.
 *
 * In: runtime-vm.elf, the host. Out: the accelerator and, for TCG, why. The answer is remembered until the host is
 * booted again. May import: the machine folder, node's own modules.
 */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { startVm, VmError } from './machine.js';
import type { Accelerator } from './qemu.js';

/** The probe takes about 60 ms on a processor with KVM, 80 ms under TCG, seconds where KVM is emulated. */
const probeMs = 400;

export interface AcceleratorChoice {
  accelerator: Accelerator;
  /** Of TCG: why not KVM, for a message. */
  reason?: string;
}

const device = '/dev/kvm';

/** Where the answer of this boot of the host is kept. */
function answerPath(): string {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return join(cache, 'noos', `kvm-${boot}`);
}

/** Boots `runtime` under KVM, has it compute for a while, and looks at the clock. Rejects only when QEMU is missing. */
export async function probeKvm(runtime: string): Promise<AcceleratorChoice> {
  const vm = startVm({ accelerator: 'kvm', runtime, memoryMib: 32, commandLine: ['noos.probe=speed'] });
  vm.output.resume();
  vm.error.resume();
  const timer = setTimeout(vm.kill, probeMs);
  try {
    const { code } = await vm.exited;
    if (code === 0) return { accelerator: 'kvm' };
    return { accelerator: 'tcg', reason: `${device} is too slow to be real` };
  } catch (error) {
    if (error instanceof VmError && error.code === 'qemu-missing') throw error;
    return { accelerator: 'tcg', reason: `${device} does not run guests` };
  } finally {
    clearTimeout(timer);
  }
}

/** KVM when a short probe shows that it is real and fast, else TCG. Rejects only when QEMU is missing. */
export async function chooseAccelerator(runtime: string): Promise<AcceleratorChoice> {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', reason: `${device} is absent or not ours to open` };
  }
  const path = answerPath();
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as AcceleratorChoice;
  } catch {
    const choice = await probeKvm(runtime);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, JSON.stringify(choice));
    return choice;
  }
}
