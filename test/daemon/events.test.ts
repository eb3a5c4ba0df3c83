/** `docker events`: what is told, when, and to whom. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';

test('events', async (t) => {
  const daemon = await startDaemon(t);
  const past = (...filters: string[]): Promise<string> =>
    daemon.ok('events', '--since', '10m', '--until', '0s', ...filters.flatMap((one) => ['--filter', one]));

  await daemon.ok('volume', 'create', '--label', 'tier=front', 'one');
  await daemon.ok('volume', 'create', 'two');
  await daemon.ok('network', 'create', 'net');

  // The command line cuts `--until 0s` to whole seconds.
  await sleep(1100);

  await t.test('the past, filtered', async () => {
    const volumes = (await past('type=volume')).split('\n');
    assert.equal(volumes.length, 2);
    assert.match(volumes[0]!, /^\d{4}-\d\d-\d\dT[\d:.]+[Z+-][\d:]* volume create one \(driver=local\)$/);
    assert.match(
      await past('type=network', 'event=create'),
      /network create [0-9a-f]{64} \(name=net, type=bridge\)/,
    );
    assert.equal(await past('volume=two', 'type=volume', 'event=destroy'), '');
    assert.equal((await past('volume=two', 'type=volume')).split('\n').length, 1);
    assert.equal(await past('type=image'), '');
  });

  await t.test('as JSON, with nanoseconds', async () => {
    const line = (
      await daemon.ok(
        'events',
        '--since',
        '10m',
        '--until',
        '0s',
        '--filter',
        'volume=one',
        '--filter',
        'type=volume',
        '--format',
        '{{json .}}',
      )
    ).split('\n')[0]!;
    const event = JSON.parse(line) as {
      Type: string;
      Action: string;
      scope: string;
      time: number;
      timeNano: number;
    };
    assert.deepEqual([event.Type, event.Action, event.scope], ['volume', 'create', 'local']);
    assert.ok(Math.abs(event.timeNano / 1e9 - event.time) < 1);
  });

  await t.test('live, until the client goes', async () => {
    const child = spawn('docker', ['events', '--filter', 'type=volume'], {
      env: { ...process.env, DOCKER_HOST: `unix://${daemon.socket}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    const listeners = async (): Promise<number> =>
      (JSON.parse((await daemon.api('GET', '/info')).text) as { NEventsListener: number }).NEventsListener;
    const deadline = Date.now() + 20_000;
    while ((await listeners()) === 0 && Date.now() < deadline) await sleep(20);
    await daemon.ok('volume', 'rm', 'two');
    while (!text.includes('destroy') && Date.now() < deadline) await sleep(20);
    assert.match(text, /volume destroy two/);
    const closed = once(child, 'close');
    child.kill('SIGINT');
    await closed;
    while ((await listeners()) > 0 && Date.now() < deadline) await sleep(20);
    assert.equal(await listeners(), 0, 'the subscription ends with its client');
  });

  await t.test('until in the future ends by itself', async () => {
    const startMs = Date.now();
    const until = (startMs / 1000 + 1).toFixed(3);
    const reply = await daemon.api('GET', `/v1.41/events?until=${until}`);
    assert.equal(reply.status, 200);
    assert.ok(Date.now() - startMs >= 900);
  });

  await t.test('bad input', async () => {
    const cases: [string, RegExp][] = [
      ['since=foo', /failed to parse value as time or duration: "foo"/],
      ['filters=xx', /invalid/],
      ['since=20&until=10', /`since` time \(20\) cannot be after `until` time \(10\)/],
    ];
    for (const [query, message] of cases) {
      const reply = await daemon.api('GET', `/v1.41/events?${query}`);
      assert.equal(reply.status, 400, query);
      assert.match((JSON.parse(reply.text) as { message: string }).message, message);
    }
  });
});
