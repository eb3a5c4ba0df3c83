/** The two hello servers that are compared: our example as an image, and a plain `node server.js`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export const runtimeProcess = join(root, 'packages/native/build/runtime-process');
export const runtimeVm = join(root, 'packages/native/build/runtime-vm.elf');
export const nodeServer = join(root, 'bench/peers/server.mjs');
export const nodePort = 3000;
export const guestPort = 8080;

/** Builds `source` (a path below the root) into an image in a temporary directory that goes with this process; returns its path. */
export function buildImage(source: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'noos-bench-'));
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const image = join(directory, 'app.noos');
  execFileSync(
    process.execPath,
    [join(root, 'packages/cli/bin/noos.mjs'), 'build', join(root, source), '-o', image],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  return image;
}
