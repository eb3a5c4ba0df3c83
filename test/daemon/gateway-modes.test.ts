/** Modes of a bridge's gateway, and where its traffic may come from and go to, with other machines as witnesses. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
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
  tableOf,
} from './external-hosts.js';

const mode = (value: string): string[] => ['-o', `com.docker.network.bridge.gateway_mode_ipv4=${value}`];

test('gateway modes of bridges', async (t) => {
  const daemon = await startDaemon(t);
  const outside = externalHost(t);
  await importNetImage(daemon);
  // The other machine knows the way to the containers, as a router that was told would.
  await outside.run('ip', 'route', 'add', '10.218.0.0/16', 'via', outside.gateway);
  outside.serve(mirror(7000)[0]!, ...mirror(7000).slice(1));
  const create = (name: string, subnet: string, ...words: string[]) =>
    daemon.ok('network', 'create', '--subnet', subnet, ...words, name);
  const start = (name: string, ...words: string[]) => daemon.ok('run', '-d', '--name', name, ...words);
  const serve = (name: string, network: string, address: string, ...words: string[]) =>
    start(name, '--network', network, '--ip', address, ...words, 'net', ...mirror(80));
  const external = fromExternal(outside);
  const inside = (name: string) => fromContainer(daemon, name);
  const pings = async (address: string): Promise<boolean> =>
    (await external('ping', '-c', '1', '-W', '1', address)).code === 0;

  await t.test('nat: published ports by the host’s address only', async () => {
    await create('plain', '10.218.1.0/24');
    await serve('n1', 'plain', '10.218.1.10', '-p', '18281:80');
    assert.equal(await ask(external, outside.gateway, 18281), outside.address);
    await nobodyAnswers(external, '10.218.1.10', 80);
    assert.equal(await pings('10.218.1.10'), false);
    assert.equal(await ask(inside('n1'), outside.address, 7000), outside.gateway);
  });

  await t.test('nat-unprotected: every port, by routing too', async () => {
    await create('open', '10.218.2.0/24', ...mode('nat-unprotected'));
    await serve('u1', 'open', '10.218.2.10', '-p', '18282:81');
    assert.equal(await ask(external, '10.218.2.10', 80), outside.address);
    assert.equal(await pings('10.218.2.10'), true);
    assert.equal(await ask(inside('u1'), outside.address, 7000), outside.gateway);
  });

  await t.test(
    'routed: published ports at the container’s address, no host port, no translation',
    async () => {
      await create('routed', '10.218.3.0/24', ...mode('routed'));
      await serve('r1', 'routed', '10.218.3.10', '-p', '18283:80');
      await serve('r2', 'routed', '10.218.3.11');
      assert.equal(await ask(external, '10.218.3.10', 80), outside.address);
      assert.equal(await ask(inside('n1'), '10.218.3.10', 80), '10.218.1.10');
      assert.equal(await ask(inside('r2'), '10.218.3.10', 80), '10.218.3.11');
      await nobodyAnswers(external, '10.218.3.11', 80);
      await nobodyAnswers(external, outside.gateway, 18283);
      assert.equal(await pings('10.218.3.11'), true);
      assert.equal(await ask(inside('r1'), outside.address, 7000), '10.218.3.10');
      assert.equal(
        await daemon.ok('inspect', '-f', '{{json (index .NetworkSettings.Ports "80/tcp")}}', 'r1'),
        '[{"HostIp":"0.0.0.0","HostPort":""}]',
      );
      assert.equal(await daemon.ok('ps', '-f', 'name=r1', '--format', '{{.Ports}}'), '0.0.0.0:0->80/tcp');
    },
  );

  await t.test('isolated: containers among themselves, the host has no address', async () => {
    const refused = await daemon.docker('network', 'create', ...mode('isolated'), 'alone');
    assert.match(refused.stderr, /gateway mode 'isolated' can only be used for an internal network/);
    await create('alone', '10.218.4.0/24', '--internal', ...mode('isolated'));
    await start('i1', '--network', 'alone', 'net', ...mirror(80));
    await start('i2', '--network', 'alone', 'net');
    const address = await daemon.ok(
      ...['inspect', '-f', '{{.NetworkSettings.Networks.alone.IPAddress}}', 'i1'],
    );
    assert.equal(address, '10.218.4.1', 'no gateway takes the first address');
    assert.equal(await ask(inside('i2'), 'i1', 80), '10.218.4.2');
    const id = (await daemon.ok('network', 'inspect', '-f', '{{.Id}}', 'alone')).slice(0, 12);
    const link = execFileSync('ip', ['-o', '-4', 'addr', 'show', 'dev', `br-${id}`], { encoding: 'utf8' });
    assert.equal(link, '');
    await nobodyAnswers(fromHost, address, 80);
    await nobodyAnswers(external, address, 80);
  });

  await t.test('wrong modes are refused', async () => {
    const { code, stderr } = await daemon.docker('network', 'create', ...mode('odd'), 'wrong');
    assert.equal(code, 1);
    assert.match(stderr, /gateway_mode_ipv4 value: odd \(unknown gateway mode odd\)/);
  });

  await t.test('a source address of choice; names of interfaces; a bridge without an address', async () => {
    execFileSync('ip', ['addr', 'add', '198.51.100.77/32', 'dev', outside.interface]);
    await create(
      ...(['sourced', '10.218.5.0/24'] as const),
      ...['-o', 'com.docker.network.host_ipv4=198.51.100.77'],
      ...['-o', 'com.docker.network.container_iface_prefix=net'],
    );
    await start('s1', '--network', 'sourced', 'net');
    assert.match(await daemon.ok('exec', 's1', 'ip', '-o', 'link'), /net0@/);
    assert.equal(await ask(inside('s1'), outside.address, 7000), '198.51.100.77');
    await create(
      ...(['bare', '10.218.6.0/24'] as const),
      ...['-o', 'com.docker.network.bridge.inhibit_ipv4=true'],
    );
    const id = (await daemon.ok('network', 'inspect', '-f', '{{.Id}}', 'bare')).slice(0, 12);
    const link = execFileSync('ip', ['-o', '-4', 'addr', 'show', 'dev', `br-${id}`], { encoding: 'utf8' });
    assert.equal(link, '');
  });

  await t.test('settings of one interface: its name, its sysctls, link-local addresses', async () => {
    const option = 'com.docker.network.endpoint';
    await start(
      ...(['e1', '--network'] as const),
      `name=plain,driver-opt=${option}.ifname=lan0,"driver-opt=${option}.sysctls=net.ipv4.conf.IFNAME.rp_filter=2"`,
      'net',
    );
    assert.equal(await daemon.ok('exec', 'e1', 'cat', '/proc/sys/net/ipv4/conf/lan0/rp_filter'), '2');
    await daemon.ok('network', 'connect', '--link-local-ip', '169.254.7.7', 'open', 'e1');
    assert.match(await daemon.ok('exec', 'e1', 'ip', '-o', '-4', 'addr'), /eth0 .*169\.254\.7\.7\/16/);
  });

  await t.test('after kill -9 everything is as before', async () => {
    await daemon.kill9();
    execFileSync('nft', ['delete', 'table', 'inet', tableOf(daemon)]);
    await daemon.restart();
    assert.equal(await ask(external, '10.218.3.10', 80), outside.address);
    await nobodyAnswers(external, '10.218.3.11', 80);
    assert.equal(await ask(external, '10.218.2.10', 80), outside.address);
    assert.equal(await ask(inside('s1'), outside.address, 7000), '198.51.100.77');
    assert.equal(
      await daemon.ok('inspect', '-f', '{{json (index .NetworkSettings.Ports "80/tcp")}}', 'r1'),
      '[{"HostIp":"0.0.0.0","HostPort":""}]',
    );
    await daemon.ok('rm', '-f', ...(await daemon.ok('ps', '-aq')).split('\n'));
  });
});
