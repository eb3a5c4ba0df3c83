/**
 * AppArmor of this host: whether containers can be confined by it, and the default profile in the kernel.
 *
 * In: /sys, /etc/apparmor.d. Out: a loaded profile. May import: linux, log, the decisions beside it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../linux/find-program.js';
import { run } from '../../linux/run.js';
import type { Logger } from '../../log.js';
import { defaultProfile, defaultProfileText, isLoaded, labelOf } from './profile.js';

const parserName = 'apparmor_parser';
const policyDirectory = '/etc/apparmor.d';
const kernelDirectory = '/sys/kernel/security/apparmor';

export interface AppArmor {
  /** The kernel confines by it and profiles can be loaded. */
  readonly usable: boolean;
  /** Loads the default profile unless it is there: updates of the host's profiles may have unloaded it. */
  ensureDefault(): Promise<void>;
}

/** Loaded into the kernel and in force; a daemon in a container leaves it to the host (containerd, pkg/apparmor). */
function kernelHasIt(): boolean {
  try {
    return (
      existsSync(kernelDirectory) &&
      !process.env.container &&
      readFileSync('/sys/module/apparmor/parameters/enabled', 'latin1').startsWith('Y')
    );
  } catch {
    return false;
  }
}

async function loadDefault(parser: string): Promise<void> {
  const daemonLabel = labelOf(await readFile('/proc/self/attr/current', 'utf8').catch(() => ''));
  const text = defaultProfileText({ has: (file) => existsSync(join(policyDirectory, file)), daemonLabel });
  // -K: no cache, -r: also in the place of one that came meanwhile.
  await run([parser, '-Kr'], text);
}

/** Looks once; a profile that cannot be loaded is reported again by every start of a container. */
export async function prepareAppArmor(log: Logger): Promise<AppArmor> {
  const unusable: AppArmor = { usable: false, ensureDefault: async () => {} };
  if (!kernelHasIt()) return unusable;
  const parser = findProgram(parserName);
  if (parser === undefined) {
    log.warn(
      `AppArmor is enabled but ${parserName} is missing: containers are not confined by it (install the package apparmor)`,
    );
    return unusable;
  }
  const appArmor: AppArmor = {
    usable: true,
    async ensureDefault() {
      try {
        if (isLoaded(await readFile(join(kernelDirectory, 'profiles'), 'utf8'), defaultProfile)) return;
        await loadDefault(parser);
      } catch (error) {
        throw new Error(
          `AppArmor enabled on system but the ${defaultProfile} profile could not be loaded: ${(error as Error).message}`,
          { cause: error },
        );
      }
    },
  };
  await appArmor.ensureDefault().catch((error: Error) => log.error(error.message));
  return appArmor;
}
