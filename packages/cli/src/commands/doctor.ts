/**
 * `noos doctor`: which targets can run here, and why not.
 *
 * In: this machine. Out: text or JSON. May import: native.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { promisify } from 'node:util';
import { chooseAccelerator, runtimeProcess, runtimeVm } from '@noos/native';
import { exitCodes } from '../errors.js';
import { styleOut } from '../terminal.js';

interface Finding {
  what: string;
  ok: boolean;
  detail: string;
}

const run = promisify(execFile);

async function attempt(what: string, check: () => Promise<string> | string): Promise<Finding> {
  try {
    return { what, ok: true, detail: await check() };
  } catch (error) {
    return { what, ok: false, detail: (error as Error).message };
  }
}

async function checkVm(): Promise<string> {
  const { path } = runtimeVm();
  const { stdout } = await run('qemu-system-x86_64', ['--version']).catch(() => {
    throw new Error('qemu-system-x86_64 is not installed: apt-get install qemu-system-x86');
  });
  const { accelerator, reason } = await chooseAccelerator(path);
  const version = /version (\S+)/.exec(stdout)?.[1] ?? 'unknown version';
  return `QEMU ${version} with ${accelerator === 'kvm' ? 'KVM' : `emulation (TCG): ${reason}`}`;
}

function checkTap(): string {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    throw new Error('/dev/net/tun is absent or not ours to open: use the user-mode network');
  }
  return process.getuid?.() === 0 ? 'may be made' : 'existing ones can be used; making one needs root';
}

/** Prints each finding; 0 even when some target is not available here: it says so. */
export async function doctor(options: { json?: boolean }): Promise<number> {
  const findings = [
    await attempt('target node', () => `Node ${process.versions.node}, V8 ${process.versions.v8}`),
    await attempt('target process', () => {
      if (process.platform !== 'linux' || process.arch !== 'x64')
        throw new Error(`needs Linux on x86-64, this is ${process.platform} on ${process.arch}`);
      return runtimeProcess().path;
    }),
    await attempt('target vm', checkVm),
    await attempt('TAP devices', checkTap),
  ];
  if (options.json) console.log(JSON.stringify(findings, undefined, 2));
  else
    for (const { what, ok, detail } of findings)
      console.log(`${ok ? styleOut('green', 'yes') : styleOut('red', 'no ')}  ${what}: ${detail}`);
  return exitCodes.ok;
}
