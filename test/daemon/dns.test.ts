/** Names inside containers, as programs there see them: live, forwarded, after a crash of the daemon. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { startDaemon, type TestDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

/** Addresses that nslookup in the container prints for `name`; empty when there is none. */
async function lookUp(daemon: TestDaemon, container: string, name: string): Promise<string[]> {
  const { stdout } = await daemon.docker('exec', container, 'nslookup', name);
  const answer = stdout.slice(stdout.indexOf('\n\n'));
  return [...answer.matchAll(/^Address(?: \d+)?:\s*(\d+\.\d+\.\d+\.\d+)/gm)].map((match) => match[1]!).sort();
}

const addressOf = (daemon: TestDaemon, container: string, network: string) =>
  daemon.ok('inspect', '--format', `{{.NetworkSettings.Networks.${network}.IPAddress}}`, container);

test('names in containers', { timeout: 240_000 }, async (t) => {
  const daemon = await startDaemon(t);
  await loadImages(daemon, busyboxImage());
  const run = (name: string, network: string, ...flags: string[]) =>
    daemon.ok(
      'run',
      '-d',
      '--init',
      '--name',
      name,
      '--network',
      network,
      ...flags,
      'busybox',
      'sleep',
      '3600',
    );
  for (const network of ['red', 'blue']) await daemon.ok('network', 'create', network);
  await run('one', 'red', '--network-alias', 'Group');
  await run('two', 'red', '--network-alias', 'group', '--hostname', 'elsewhere');
  await run('other', 'blue');

  await t.test('names, short IDs, aliases, the network as a suffix', async () => {
    const [one, two] = [await addressOf(daemon, 'one', 'red'), await addressOf(daemon, 'two', 'red')];
    const id = await daemon.ok('inspect', '--format', '{{.Id}}', 'two');
    for (const name of ['two', 'TWO', 'two.red', id.slice(0, 12)])
      assert.deepEqual(await lookUp(daemon, 'one', name), [two], name);
    assert.deepEqual(await lookUp(daemon, 'two', 'group'), [one, two].sort());
    assert.deepEqual(await lookUp(daemon, 'one', 'two.blue'), []);
    assert.deepEqual(await lookUp(daemon, 'one', 'other'), []);
    assert.match(await daemon.ok('exec', 'one', 'nslookup', two), /name = two\.red/);
  });

  await t.test('connect, rename, disconnect, stop and start are seen at once', async () => {
    assert.deepEqual(await lookUp(daemon, 'other', 'one'), []);
    await daemon.ok('network', 'connect', '--alias', 'uno', 'blue', 'one');
    const inBlue = await addressOf(daemon, 'one', 'blue');
    assert.deepEqual(await lookUp(daemon, 'other', 'uno'), [inBlue]);
    assert.deepEqual(await lookUp(daemon, 'other', 'one'), [inBlue]);
    await daemon.ok('rename', 'one', 'first');
    assert.deepEqual(await lookUp(daemon, 'other', 'first'), [inBlue]);
    assert.deepEqual(await lookUp(daemon, 'other', 'one'), []);
    await daemon.ok('network', 'disconnect', 'blue', 'first');
    assert.deepEqual(await lookUp(daemon, 'other', 'first'), []);
    await daemon.ok('rename', 'first', 'one');
    await daemon.ok('stop', 'two');
    assert.deepEqual(await lookUp(daemon, 'one', 'two'), []);
    await daemon.ok('start', 'two');
    assert.deepEqual(await lookUp(daemon, 'one', 'two'), [await addressOf(daemon, 'two', 'red')]);
  });

  await t.test('a container may serve DNS itself on port 53', async () => {
    const bind = `
      const { createServer } = require('node:net');
      createServer().listen(53, '0.0.0.0', () =>
        require('node:dgram').createSocket('udp4').bind(53, '0.0.0.0', () => process.exit(0)));
    `;
    const pid = await daemon.ok('inspect', '--format', '{{.State.Pid}}', 'one');
    const bound = await daemon.run('nsenter', ['--target', pid, '--net', process.execPath, '-e', bind]);
    assert.equal(bound.code, 0, bound.stderr);
    assert.equal((await lookUp(daemon, 'one', 'two')).length, 1);
  });

  await t.test('a crash of the daemon: names are there again', async () => {
    const two = await addressOf(daemon, 'two', 'red');
    await daemon.kill9();
    await daemon.restart();
    assert.deepEqual(await lookUp(daemon, 'one', 'two'), [two]);
    await daemon.ok('network', 'connect', 'blue', 'two');
    assert.equal((await lookUp(daemon, 'other', 'two')).length, 1);
  });

  await t.test('forwarding: to the servers given, in order; not from internal networks', async () => {
    const asked: string[] = [];
    const server = createSocket('udp4');
    after(() => server.close());
    server.on('message', (message, { port, address }) => {
      const { id = 0, questions = [] } = decode(message);
      const { name, type } = questions[0]!;
      asked.push(name);
      const answers = type === 'A' ? [{ type, name, data: '192.0.2.99' } as const] : [];
      server.send(encode({ id, type: 'response', questions, answers }), port, address);
    });
    await new Promise<void>((resolve) => server.bind(53, '127.0.0.77', resolve));
    await daemon.ok('network', 'create', '--internal', 'closed');
    await run('open', 'red', '--dns', '127.0.0.78', '--dns', '127.0.0.77');
    await run('shut', 'closed', '--dns', '127.0.0.77');
    assert.deepEqual(await lookUp(daemon, 'open', 'shop.example'), ['192.0.2.99']);
    assert.deepEqual(await lookUp(daemon, 'open', 'two'), [await addressOf(daemon, 'two', 'red')]);
    assert.ok(asked.includes('shop.example') && !asked.includes('two'), `${asked}`);
    asked.length = 0;
    assert.deepEqual(await lookUp(daemon, 'shut', 'shop.example'), []);
    assert.deepEqual(asked, []);
    await daemon.ok('network', 'connect', 'red', 'shut');
    assert.deepEqual(await lookUp(daemon, 'shut', 'shop.example'), ['192.0.2.99']);
  });
  await daemon.ok('rm', '-f', 'one', 'two', 'other', 'open', 'shut');
});
