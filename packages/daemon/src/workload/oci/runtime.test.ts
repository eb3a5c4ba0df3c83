import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createLayout } from '../../layout.js';
import { createLogger } from '../../log.js';
import type { AttachedStreams, WorkloadExit } from '../types.js';
import { createOciRuntime } from './runtime.js';

const base = mkdtempSync(join(tmpdir(), 'oci-'));
const layout = createLayout(join(base, 'data'), join(base, 'run'));
const rootfs = join(base, 'rootfs');
for (const directory of ['bin', 'proc', 'dev']) mkdirSync(join(rootfs, directory), { recursive: true });
copyFileSync('/bin/busybox', join(rootfs, 'bin/busybox'));
for (const name of ['sh', 'true', 'sleep', 'cat', 'echo']) symlinkSync('busybox', join(rootfs, 'bin', name));

const runtime = createOciRuntime({
  layout,
  log: createLogger('error'),
  name: 'runc',
  program: { path: 'runc' },
});
const exits = new Map<string, WorkloadExit>();
const waiting = new Map<string, (exit: WorkloadExit) => void>();
runtime.onExit((exit) => {
  exits.set(exit.id, exit);
  waiting.get(exit.id)?.(exit);
});
const exitOf = (id: string): Promise<WorkloadExit> =>
  new Promise((resolve) => {
    const known = exits.get(id);
    if (known === undefined) waiting.set(id, resolve);
    else resolve(known);
  });

let sequence = 1;
const newId = () => (sequence++).toString(16).padStart(64, '0');

const processOf = (...args: string[]) => ({
  terminal: false,
  user: { uid: 0, gid: 0 },
  args,
  env: ['PATH=/bin'],
  cwd: '/',
});
const configOf = (id: string, ...args: string[]) => ({
  ociVersion: '1.0.2',
  process: processOf(...args),
  root: { path: rootfs },
  hostname: 'box',
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs' },
  ],
  linux: {
    cgroupsPath: `/noos-test-${process.pid}/${id}`,
    namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
  },
});
const specOf = (id: string, ...args: string[]) => ({
  id,
  config: configOf(id, ...args),
  terminal: false,
  openStdin: true,
  stdinOnce: true,
  logPath: join(base, `${id}.log`),
});

async function collect(streams: AttachedStreams): Promise<string> {
  let text = '';
  streams.onOutput((stream, bytes) => {
    text += `${stream}:${bytes.toString()}`;
  });
  await streams.closed;
  return text;
}

// The runtime's watch alone keeps no process alive.
const alive = setInterval(() => {}, 1000);
after(() => {
  clearInterval(alive);
  rmSync(base, { recursive: true, force: true });
});

test('runs to its end: output, log and exit code arrive', { timeout: 20_000 }, async () => {
  const id = newId();
  const { pid } = await runtime.create(specOf(id, 'sh', '-c', 'read line; echo "got $line"; exit 7'));
  assert.ok(pid > 1);
  const streams = await runtime.attach(id);
  const output = collect(streams);
  await runtime.start(id);
  streams.input.end('hello\n');
  assert.equal(await output, 'stdout:got hello\n');
  const exit = await exitOf(id);
  assert.equal(exit.exitCode, 7);
  assert.match(readFileSync(join(base, `${id}.log`), 'utf8'), /stdout F got hello\n/);
  await runtime.delete(id);
  await runtime.delete(id);
});

test('a missing program fails creation with 127-able text and leaves nothing', {
  timeout: 20_000,
}, async () => {
  const id = newId();
  await assert.rejects(runtime.create(specOf(id, 'nonsense')), {
    message:
      'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "nonsense": executable file not found in $PATH: unknown',
  });
  assert.throws(() => readFileSync(join(layout.runRoot, 'bundles/runc', id, 'config.json')), {
    code: 'ENOENT',
  });
});

test('exec: streams, exit code, failure text; kill ends the container', { timeout: 20_000 }, async () => {
  const id = newId();
  await runtime.create(specOf(id, 'sleep', '100'));
  await runtime.start(id);
  const exec = (execId: string, ...args: string[]) =>
    runtime.exec({
      id: execId,
      container: id,
      process: processOf(...args),
      terminal: false,
      openStdin: true,
    });
  const first = await exec(newId(), 'sh', '-c', 'cat; exit 3');
  const output = collect(first.streams);
  first.streams.input.end('ping');
  assert.equal(await output, 'stdout:ping');
  assert.equal(await first.exited, 3);
  await assert.rejects(
    exec(newId(), 'nonsense'),
    /^DaemonError: OCI runtime exec failed: .*executable file not found/,
  );
  await runtime.pause(id);
  await runtime.unpause(id);
  await runtime.kill(id, 9);
  assert.equal((await exitOf(id)).exitCode, 137);
  await runtime.delete(id);
});

test('another daemon finds what runs and what ended meanwhile', { timeout: 20_000 }, async () => {
  const [kept, ended] = [newId(), newId()];
  for (const id of [kept, ended]) {
    await runtime.create(specOf(id, 'sleep', '100'));
    await runtime.start(id);
  }
  const stray = newId();
  await runtime.create(specOf(stray, 'sleep', '100'));
  await runtime.kill(ended, 9);
  await exitOf(ended);
  writeFileSync(join(layout.exits, 'runc/garbage'), '');
  const second = createOciRuntime({
    layout,
    log: createLogger('error'),
    name: 'runc',
    program: { path: 'runc' },
  });
  const seen: WorkloadExit[] = [];
  second.onExit((exit) => seen.push(exit));
  const found = await second.restore([kept, ended]);
  assert.deepEqual([...found.keys()], [kept]);
  assert.deepEqual(
    seen.map(({ id, exitCode }) => [id, exitCode]),
    [[ended, 137]],
  );
  await second.delete(kept);
  await second.delete(ended);
  await assert.rejects(second.attach(stray));
});
