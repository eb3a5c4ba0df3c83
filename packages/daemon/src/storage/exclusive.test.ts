/** One daemon for one data root; the process ID for others to read. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonError } from '../errors.js';
import { readEngineId } from './engine-id.js';
import { lockRoot, writePidFile } from './exclusive.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-exclusive-'));
after(() => rmSync(directory, { recursive: true }));

test('a data root is locked until it is given back', async () => {
  const release = await lockRoot(directory);
  await assert.rejects(lockRoot(directory), DaemonError);
  await release();
  const again = await lockRoot(directory);
  await again();
});

test('a pid file of a living process is respected, one of a dead process replaced', async () => {
  const path = join(directory, 'pid');
  writeFileSync(path, String(process.ppid));
  await assert.rejects(writePidFile(path), /is still running/);
  // `exec` makes of the shell a program that never waits for its child, before the child ends.
  const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const zombie = line.toString().trim();
  const deadline = Date.now() + 10_000;
  while (!/\) Z /.test(readFileSync(`/proc/${zombie}/stat`, 'utf8'))) {
    assert.ok(Date.now() < deadline, 'the child does not end');
    await sleep(5);
  }
  writeFileSync(path, zombie);
  await (await writePidFile(path))();
  parent.kill();
  const dead = spawnSync('true').pid;
  writeFileSync(path, String(dead));
  const remove = await writePidFile(path);
  assert.equal(readFileSync(path, 'utf8'), String(process.pid));
  await remove();
  assert.ok(!existsSync(path));
});

test('the engine’s ID is made once; a damaged one is replaced', async () => {
  const id = await readEngineId(directory);
  assert.equal(await readEngineId(directory), id);
  writeFileSync(join(directory, 'engine-id'), 'nonsense');
  assert.match(await readEngineId(directory), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});
