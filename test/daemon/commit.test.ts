/** `docker commit`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, run, start } from './builds.js';

test('docker commit', async (t) => {
  const daemon = await start(t);
  await daemon.ok(
    'run',
    '--name',
    'done',
    '--network',
    'none',
    '-e',
    'E=1',
    'busybox',
    'sh',
    '-c',
    'echo C > /c; rm /etc/group',
  );

  await t.test('files, configuration, author and comment', async () => {
    const words = [
      '-a',
      'Me',
      '-m',
      'why',
      '-c',
      'CMD ["cat", "/c"]',
      '-c',
      'ENV X=$E',
      '-c',
      'EXPOSE 80',
      '-c',
      'WORKDIR /w',
    ];
    const id = await daemon.ok('commit', ...words, 'done', 'kept:1');
    assert.equal(await inspect(daemon, 'kept:1', '.Id'), id);
    assert.equal(await daemon.ok('run', '--rm', '--network', 'none', 'kept:1'), 'C');
    assert.equal(await run(daemon, 'kept:1', 'echo $X $E; ls /etc/group 2>&1 | wc -l; pwd'), '1 1\n1\n/w');
    const config = await inspect<{ Cmd: string[]; ExposedPorts: object }>(daemon, 'kept:1', '.Config');
    assert.deepEqual([config.Cmd, config.ExposedPorts], [['cat', '/c'], { '80/tcp': {} }]);
    assert.deepEqual(
      await Promise.all(['.Author', '.Comment'].map((name) => inspect(daemon, 'kept:1', name))),
      ['Me', 'why'],
    );
    assert.equal(await inspect(daemon, 'kept:1', '.Parent'), await inspect(daemon, 'busybox', '.Id'));
  });

  await t.test('a running container is paused meanwhile', async () => {
    await daemon.ok(
      'run',
      '-d',
      '--name',
      'live',
      '--network',
      'none',
      'busybox',
      'sh',
      '-c',
      'echo L > /l; sleep 300',
    );
    for (let waited = 0; (await daemon.docker('exec', 'live', 'cat', '/l')).stdout !== 'L\n'; waited++) {
      assert.ok(waited < 50);
      await sleep(100);
    }
    const since = Math.floor(Date.now() / 1000);
    await daemon.ok('commit', 'live', 'other');
    const events = await daemon.ok(
      ...[
        'events',
        '--since',
        `${since}`,
        '--until',
        `${since + 2}`,
        '--filter',
        'container=live',
        '--format',
        '{{.Action}}',
      ],
    );
    assert.deepEqual(events.split('\n').slice(-3), ['pause', 'unpause', 'commit']);
    assert.equal(await inspect(daemon, 'other', '.Config.Cmd').then((cmd) => (cmd as string[])[0]), 'sh');
    assert.equal(await run(daemon, 'other', 'cat /l'), 'L');
    await daemon.ok('commit', '--pause=false', 'live');
  });

  await t.test('a container that ends while it is committed', async () => {
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const id = await daemon.ok('create', '--network', 'none', 'busybox', 'touch', '/made');
        // No command line in between: the commit comes while the program runs or just after.
        assert.equal((await daemon.api('POST', `/v1.44/containers/${id}/start`)).status, 204);
        const reply = await daemon.api('POST', `/v1.44/commit?container=${id}`);
        assert.equal(reply.status, 201, reply.text);
        await daemon.ok('rm', '-f', id);
      }),
    );
  });

  await t.test('what is refused', async () => {
    const none = await daemon.docker('commit', 'nosuch');
    assert.match(none.stderr, /No such container: nosuch/);
    const change = await daemon.docker('commit', '-c', 'RUN x', 'done');
    assert.match(change.stderr, /RUN is not a valid change command/);
    const name = await daemon.docker('commit', 'done', 'UPPER');
    assert.match(name.stderr, /must be lowercase/);
  });
  await daemon.ok('rm', '-f', 'done', 'live');
});
