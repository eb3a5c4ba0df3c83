/** The host fails the engine: no route, no descriptors. What was asked fails, with its own error; the engine continues. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { startDaemon, type TestDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const goesOn = async (daemon: TestDaemon, pid: number): Promise<void> => {
  assert.equal((await daemon.api('GET', '/_ping')).status, 200);
  assert.equal(daemon.pid, pid);
  assert.doesNotMatch(daemon.log(), /nobody caught/);
};

test('a host without any route: a name of the outside is SERVFAIL, and the engine lives', async (t) => {
  // Only `lo`, and that is down: a resolver of the host is out of reach.
  const daemon = await startDaemon(t, { launcher: ['unshare', '--net'] });
  const { pid } = daemon;
  await loadImages(daemon, busyboxImage());
  await daemon.ok('network', 'create', 'front');
  for (const server of ['192.0.2.53', '2001:db8::53'])
    for (let round = 0; round < 3; round++) {
      const { code, stdout, stderr } = await daemon.docker(
        ...['run', '--rm', '--network', 'front', '--dns', server, 'busybox', 'nslookup', 'nosuch.example'],
      );
      assert.notEqual(code, 0);
      assert.match(stdout + stderr, /SERVFAIL|can't find|server can/i);
      await goesOn(daemon, pid);
    }
  assert.equal(await daemon.ok('run', '--rm', '--network', 'front', 'busybox', 'echo', 'still'), 'still');
});

test('out of descriptors: requests fail one by one, what comes later works, nothing is left', async (t) => {
  const daemon = await startDaemon(t);
  const { pid } = daemon;
  await loadImages(daemon, busyboxImage());
  await daemon.ok('run', '--rm', '-p', '80', 'busybox', 'true');
  // Some dozens above what the idle engine has open: enough for one start, too few for sixteen.
  const limit = readdirSync(`/proc/${pid}/fd`).length + 40;
  execFileSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:${limit}`]);
  let failed = 0;
  for (let round = 0; round < 2; round++) {
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () => daemon.docker('run', '-d', '-p', '80', 'busybox', 'true')),
    );
    for (const { code, stderr } of outcomes)
      if (code !== 0) {
        failed++;
        assert.notEqual(stderr, '');
      }
    await goesOn(daemon, pid);
  }
  assert.ok(failed > 0, 'the limit was never reached');
  assert.equal(await daemon.ok('run', '--rm', 'busybox', 'echo', 'later'), 'later');
  for (const id of (await daemon.ok('ps', '-aq')).split('\n').filter(Boolean))
    await daemon.ok('rm', '-f', id);
  assert.equal(await daemon.ok('ps', '-aq'), '');
});
