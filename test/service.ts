/**
 * Starts an application of test/apps on a target, with its port published on this host.
 *
 * In: an entry, a target. Out: where it answers, and its end. May import: host, cli (as a command).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runUnikernel, type TargetName, targetNames } from '@noos/host';

const root = fileURLToPath(new URL('../../', import.meta.url));
const guestPort = 8080;

/** Targets that end-to-end tests run on; NOOS_TEST_TARGETS=node,process chooses fewer. */
export const testedTargets: readonly TargetName[] = process.env.NOOS_TEST_TARGETS
  ? targetNames.filter((name) => process.env.NOOS_TEST_TARGETS!.split(',').includes(name))
  : targetNames;

export interface Service {
  port: number;
  origin: string;
  /** Waits until its console has shown `pattern`: it may come later than the answer. */
  printed(pattern: RegExp): Promise<void>;
  /** Asks it to stop; returns its exit code. */
  stop(): Promise<number>;
}

/** Builds `entry` (relative to test/); returns the image's path and what removes it. */
export function buildApplication(entry: string, ...options: string[]): { image: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'noos-test-'));
  const image = join(directory, 'application.noos');
  const noos = join(root, 'packages/cli/bin/noos.mjs');
  const command = [noos, 'build', join(root, 'test', entry), '-o', image, ...options];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`noos build ${entry}: ${stdout}${stderr}`);
  return { image, remove: () => rmSync(directory, { recursive: true }) };
}

/** Starts an image and waits for its first answer. */
export async function startService(
  image: string,
  target: TargetName,
  limits: Record<string, string> = {},
): Promise<Service> {
  let text = '';
  const running = await runUnikernel(image, {
    target,
    console: (_, bytes) => {
      text += Buffer.from(bytes).toString();
    },
    ports: [{ hostAddress: '127.0.0.1', hostPort: 0, guestPort, protocol: 'tcp' }],
    limits,
    probe: true,
  });
  const answer = await running.firstAnswer;
  if (answer === undefined) throw new Error(`the service ended with ${await running.exited}: ${text}`);
  const port = running.ports[0]!.hostPort;
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    async printed(pattern) {
      for (let waited = 0; !pattern.test(text); waited += 20) {
        if (waited >= 5000) throw new Error(`no ${pattern} on the console: ${text}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    stop: () => {
      running.stop();
      return running.exited;
    },
  };
}
