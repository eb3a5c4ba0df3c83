/**
 * Starts an application on a target for a test, and sees to it that nothing of it is left.
 *
 * In: the source of an application, a target. Out: its base URL, ports and console. May import: image, host.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type PublishedPort,
  parsePort,
  type RunningUnikernel,
  type RunOptions,
  runUnikernel,
  type TargetName,
} from '@noos/host';
import { buildImage, bundle } from '@noos/image';

/** The repository's root, from test/dist. */
export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** A directory that goes when the test process ends. */
export const scratch = mkdtempSync(join(tmpdir(), 'noos-test-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

export interface BuildOptions {
  env?: Record<string, string | number | boolean>;
  snapshot?: boolean;
}

const images = new Map<string, Promise<string>>();

/** The image of the module at `entry` (below the repository), built once per process and options. */
export function imageOf(entry: string, options: BuildOptions = {}): Promise<string> {
  const key = JSON.stringify([entry, options]);
  const known = images.get(key);
  if (known !== undefined) return known;
  const built = (async () => {
    const bundled = await bundle(join(repository, entry), { env: options.env ?? {} });
    const name = basename(entry, '.ts');
    const { snapshot = true } = options;
    const { bytes } = await buildImage(bundled.code, { name, noos: '0.0.0', parts: bundled.parts, snapshot });
    const path = join(scratch, `${name}-${images.size}.noos`);
    writeFileSync(path, bytes);
    return path;
  })();
  images.set(key, built);
  return built;
}

export interface Started extends RunningUnikernel {
  /** Of the published HTTP port, without a slash at the end. */
  url: string;
  /** The host port that leads to a port of the guest. */
  port(guestPort: number, protocol?: PublishedPort['protocol']): number;
  /** All that the console showed until now. */
  output(): string;
  /** Waits until the console has shown something that matches. */
  shows(pattern: RegExp): Promise<void>;
  /** Stops it in order and returns its exit code; ends it when it does not within `patienceMs`. */
  end(): Promise<number>;
}

/** How long a unikernel may take for what is asked of it, on a machine that is busy. */
export const patienceMs = 10_000;

/** Starts an image with ports 8080/tcp, 7/tcp and 7/udp published on free ports of 127.0.0.1. */
export async function start(
  imagePath: string,
  target: TargetName,
  options: Partial<RunOptions> = {},
): Promise<Started> {
  let text = '';
  const running = await runUnikernel(imagePath, {
    target,
    console: (_, bytes) => {
      text += Buffer.from(bytes).toString();
    },
    ports: ['127.0.0.1:0:8080', '127.0.0.1:0:7', '127.0.0.1:0:7/udp'].map(parsePort),
    ...options,
  });
  const port = (guestPort: number, protocol: PublishedPort['protocol'] = 'tcp'): number => {
    const found = running.ports.find((one) => one.guestPort === guestPort && one.protocol === protocol);
    assert.ok(found, `port ${guestPort}/${protocol} is not published`);
    return found.hostPort;
  };
  return {
    ...running,
    url: running.ports.length > 0 ? `http://127.0.0.1:${port(8080)}` : '',
    port,
    output: () => text,
    async shows(pattern) {
      const deadlineMs = Date.now() + patienceMs;
      while (!pattern.test(text)) {
        assert.ok(Date.now() < deadlineMs, `the console did not show ${pattern}:\n${text}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    async end() {
      running.stop();
      const timer = setTimeout(running.kill, patienceMs);
      return running.exited.finally(() => clearTimeout(timer));
    },
  };
}

/** As `start`, ended when the test that `t` is the context of has ended. */
export async function startFor(
  t: { after(hook: () => Promise<unknown>): void },
  imagePath: string,
  target: TargetName,
  options: Partial<RunOptions> = {},
): Promise<Started> {
  const started = await start(imagePath, target, options);
  t.after(async () => {
    started.kill();
    await started.exited;
  });
  return started;
}
