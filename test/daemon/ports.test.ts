/** Published ports: from everywhere they should be reached from, and from nowhere else. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../free-port.js';
import { startDaemon } from './daemon.js';
import {
  ask,
  externalHost,
  fromContainer,
  fromExternal,
  fromHost,
  importNetImage,
  mirror,
  nobodyAnswers,
} from './external-hosts.js';

/** A port that nobody has now. */
test('published ports', async (t) => {
  const daemon = await startDaemon(t);
  const [near, far] = [externalHost(t), externalHost(t)];
  await importNetImage(daemon);
  await daemon.ok('network', 'create', 'front');
  await daemon.ok('network', 'create', 'other');
  const start = (name: string, ...words: string[]) => daemon.ok('run', '-d', '--name', name, ...words);
  const addressOf = (name: string, network: string) =>
    daemon.ok('inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name);
  const port = await freePort();
  await start('web', '--network', 'front', '-p', `${port}:80`, 'net', ...mirror(80));
  await start('peer', '--network', 'front', 'net');
  await start('stranger', '--network', 'other', 'net');
  await start('plain', 'net');
  const web = await addressOf('web', 'front');

  await t.test('from other hosts, which the container sees as they are', async () => {
    for (const host of [near, far]) {
      assert.equal(await ask(fromExternal(host), host.gateway, port), host.address);
      assert.equal(await ask(fromExternal(host), host.gateway6, port), web.replace(/\d+$/, '1'));
    }
  });

  await t.test('from the host: localhost of both families, its own addresses', async () => {
    for (const address of ['127.0.0.1', '127.0.0.5', '::1', near.gateway, near.gateway6])
      assert.notEqual(await ask(fromHost, address, port), '', address);
  });

  await t.test('from containers by the host’s address: neighbours, strangers, itself', async () => {
    for (const name of ['peer', 'stranger', 'plain', 'web'])
      assert.notEqual(await ask(fromContainer(daemon, name), near.gateway, port), '', name);
  });

  await t.test('unpublished ports are reached from the same network only', async () => {
    assert.notEqual(await ask(fromContainer(daemon, 'peer'), web, 80), '');
    assert.notEqual(await ask(fromHost, web, 80), '');
    await nobodyAnswers(fromExternal(near), web, 80);
    for (const name of ['stranger', 'plain']) await nobodyAnswers(fromContainer(daemon, name), web, 80);
    await nobodyAnswers(fromExternal(near), near.gateway, 80);
  });

  await t.test('a host address: that one only', async () => {
    const local = await freePort();
    await start('local', '-p', `127.0.0.1:${local}:80`, 'net', ...mirror(80));
    assert.notEqual(await ask(fromHost, '127.0.0.1', local), '');
    await nobodyAnswers(fromExternal(near), near.gateway, local);
    await nobodyAnswers(fromContainer(daemon, 'plain'), near.gateway, local);
    await nobodyAnswers(fromHost, near.gateway, local);
    assert.equal(await daemon.ok('port', 'local'), `80/tcp -> 127.0.0.1:${local}`);
    await start('cable', '-p', `${near.gateway}:${local}:80`, 'net', ...mirror(80));
    assert.equal(await ask(fromExternal(near), near.gateway, local), near.address);
    await nobodyAnswers(fromExternal(far), far.gateway, local);
    await daemon.ok('rm', '-f', 'local', 'cable');
    await nobodyAnswers(fromHost, '127.0.0.1', local);
  });

  await t.test('the host’s loopback stays closed to containers', async () => {
    const service = createServer((socket) => socket.end('secret')).listen(0, '127.0.0.1');
    await once(service, 'listening');
    const { port: secret } = service.address() as AddressInfo;
    await start('raider', '--privileged', 'net');
    const gateway = await daemon.ok('inspect', '-f', '{{.NetworkSettings.Gateway}}', 'raider');
    const raider = fromContainer(daemon, 'raider');
    await raider('ip', 'addr', 'del', '127.0.0.1/8', 'dev', 'lo');
    await raider('ip', 'route', 'add', '127.0.0.0/8', 'via', gateway);
    await raider('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet');
    await nobodyAnswers(raider, '127.0.0.1', secret);
    service.close();
    await daemon.ok('rm', '-f', 'raider');
  });

  await t.test('UDP, and a client that was there before the container', async () => {
    const udp = await freePort();
    const client = createSocket('udp4').bind();
    await once(client, 'listening');
    const say = () => client.send('hello', udp, '127.0.0.1');
    client.on('error', () => {});
    say();
    await start('mirror', '-p', `${udp}:90/udp`, 'net', ...mirror(90, 'UDP4'));
    const answer = once(client, 'message', { signal: AbortSignal.timeout(15_000) });
    const again = setInterval(say, 100);
    try {
      assert.match(String((await answer)[0]), /^\d+\.\d+\.\d+\.\d+/);
    } finally {
      clearInterval(again);
      client.close();
    }
    assert.equal(await ask(fromExternal(near), near.gateway, udp, 'UDP'), near.address);
    assert.notEqual(await ask(fromHost, '::1', udp, 'UDP'), '');
    await daemon.ok('rm', '-f', 'mirror');
  });

  await t.test('ranges, ephemeral ports, all exposed ones', async () => {
    const first = await freePort();
    await start('range', '-p', `${first}-${first + 2}:80-82`, 'net', ...mirror(82));
    assert.notEqual(await ask(fromHost, '127.0.0.1', first + 2), '');
    await daemon.ok('rm', '-f', 'range');
    await start('any1', '-p', `${first}-${first + 5}:80`, 'net', ...mirror(80));
    await start('any2', '-p', `${first}-${first + 5}:80`, 'net', ...mirror(80));
    const ports = await Promise.all(['any1', 'any2'].map((name) => daemon.ok('port', name, '80/tcp')));
    assert.notEqual(ports[0], ports[1]);
    await start('all', '-P', '--expose', '80', '--expose', '81/udp', 'net', ...mirror(80));
    const shown = await daemon.ok('port', 'all');
    const chosen = Number(/80\/tcp -> 0\.0\.0\.0:(\d+)/.exec(shown)?.[1]);
    assert.match(shown, new RegExp(`80/tcp -> \\[::\\]:${chosen}`));
    assert.match(shown, /81\/udp -> 0\.0\.0\.0:\d+/);
    assert.notEqual(await ask(fromHost, '127.0.0.1', chosen), '');
    await daemon.ok('rm', '-f', 'any1', 'any2', 'all');
  });

  await t.test('ports in use: Docker’s words, and nothing half made', async () => {
    const busy = createServer().listen(0, '0.0.0.0');
    await once(busy, 'listening');
    const { port: taken } = busy.address() as AddressInfo;
    const second = await daemon.docker('run', '--name', 'second', '-p', `${port}:80`, 'net');
    assert.equal(second.code, 125);
    assert.match(
      second.stderr,
      new RegExp(
        `driver failed programming external connectivity on endpoint second \\([0-9a-f]{64}\\): Bind for 0\\.0\\.0\\.0:${port} failed: port is already allocated`,
      ),
    );
    const third = await daemon.docker('run', '--name', 'third', '-p', `${taken}:80`, 'net');
    assert.equal(third.code, 125);
    assert.match(
      third.stderr,
      new RegExp(`listen tcp4 0\\.0\\.0\\.0:${taken}: bind: address already in use`),
    );
    const wrong = await daemon.docker('run', '--name', 'wrong', '-p', `203.0.113.7:${taken}:80`, 'net');
    assert.match(wrong.stderr, /bind: cannot assign requested address/);
    await daemon.ok('rm', 'second', 'third', 'wrong');
    busy.close();
    await once(busy, 'close');
    await start('third', '-p', `${taken}:80`, 'net', ...mirror(80));
    assert.notEqual(await ask(fromHost, '127.0.0.1', taken), '');
    await daemon.ok('rm', '-f', 'third');
    const network = JSON.parse(await daemon.ok('network', 'inspect', 'bridge'))[0];
    assert.deepEqual(
      Object.values(network.Containers as Record<string, { Name: string }>).map(({ Name }) => Name),
      ['plain'],
    );
  });

  await t.test('they follow the default route of their family to another network', async () => {
    for (const name of ['six1', 'six2']) {
      const request = { Name: name, EnableIPv4: false, EnableIPv6: true };
      assert.equal((await daemon.api('POST', '/networks/create', request)).status, 201);
    }
    const moving = await freePort();
    // socat writes all of an address; a URL has it in short.
    const seen = async () =>
      new URL(`http://${await ask(fromExternal(near), near.gateway6, moving)}`).hostname.slice(1, -1);
    await start('mover', '--network', 'six1', '-p', `${moving}:80`, 'net', ...mirror(80, 'TCP6'));
    assert.equal(await seen(), near.address6);
    await daemon.ok('network', 'connect', 'six2', 'mover');
    await daemon.ok('network', 'disconnect', 'six1', 'mover');
    assert.equal(await seen(), near.address6);
    assert.notEqual(await ask(fromHost, '127.0.0.1', moving), '');
    // IPv4 by one network, IPv6 by the other: each arrives with the client's address.
    await daemon.ok('network', 'connect', 'front', 'mover');
    assert.equal(await seen(), near.address6);
    await daemon.ok('rm', '-f', 'mover');
    await daemon.ok('network', 'rm', 'six1', 'six2');
  });

  await t.test('they continue while no daemon runs, and under the next one', async () => {
    await daemon.kill9();
    assert.equal(await ask(fromExternal(near), near.gateway, port), near.address);
    assert.notEqual(await ask(fromHost, '127.0.0.1', port), '');
    await daemon.restart();
    assert.equal(await ask(fromExternal(near), near.gateway, port), near.address);
    assert.notEqual(await ask(fromHost, '::1', port), '');
    const clash = await daemon.docker('run', '--rm', '-p', `${port}:80`, 'net', 'true');
    assert.match(clash.stderr, /port is already allocated/);
    await daemon.ok('rm', '-f', 'web');
    await nobodyAnswers(fromExternal(near), near.gateway, port);
    await nobodyAnswers(fromHost, '::1', port);
  });
});
