/** The default bridge as daemon.json describes it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../free-port.js';
import { startDaemon } from './daemon.js';
import { ask, fromContainer, fromHost, importNetImage, mirror, nobodyAnswers } from './external-hosts.js';

test('the default bridge follows the configuration', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-bridge-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'daemon.json');
  const configure = (settings: object) => writeFileSync(file, JSON.stringify(settings));
  const settings = {
    bip: '10.231.0.1/16',
    'fixed-cidr': '10.231.5.0/24',
    'default-gateway': '10.231.0.254',
    mtu: 1400,
    icc: false,
    ip: '127.0.0.1',
    'userland-proxy': false,
    'default-address-pools': [{ base: '10.232.0.0/16', size: 24 }],
    dns: ['192.0.2.53'],
    'default-network-opts': { bridge: { 'com.docker.network.driver.mtu': '1300' } },
  };
  configure(settings);
  const daemon = await startDaemon(t, { flags: ['--config-file', file] });
  await importNetImage(daemon);
  const inside = (name: string) => fromContainer(daemon, name);
  const bridgeLink = () =>
    execFileSync('ip', ['-o', '-4', 'addr', 'show', 'dev', daemon.bridge], { encoding: 'utf8' });

  await t.test('addresses, gateway, MTU, name servers, no talk between containers', async () => {
    assert.match(bridgeLink(), /inet 10\.231\.0\.1\/16/);
    const port = await freePort();
    await daemon.ok('run', '-d', '--name', 'b1', '-p', `${port}:80`, 'net', ...mirror(80));
    await daemon.ok('run', '-d', '--name', 'b2', 'net');
    const address = await daemon.ok('inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'b1');
    assert.match(address, /^10\.231\.5\./);
    assert.match(await daemon.ok('exec', 'b1', 'ip', 'route'), /^default via 10\.231\.0\.254 dev eth0/m);
    assert.equal(await daemon.ok('exec', 'b1', 'cat', '/sys/class/net/eth0/mtu'), '1400');
    assert.equal(await daemon.ok('exec', 'b1', 'cat', '/etc/resolv.conf'), 'nameserver 192.0.2.53');
    assert.equal(await daemon.ok('port', 'b1'), `80/tcp -> 127.0.0.1:${port}`);
    assert.notEqual(await ask(fromHost, '127.0.0.1', port), '');
    await nobodyAnswers(inside('b2'), address, 80);
  });

  await t.test(
    'other networks take their subnets from the pools, their options from the defaults',
    async () => {
      await daemon.ok('network', 'create', 'other');
      const subnet = await daemon.ok(
        'network',
        'inspect',
        '-f',
        '{{(index .IPAM.Config 0).Subnet}}',
        'other',
      );
      assert.equal(subnet, '10.232.0.0/24');
      const mtu = ['cat', '/sys/class/net/eth0/mtu'];
      assert.equal(await daemon.ok('run', '--rm', '--network', 'other', 'net', ...mtu), '1300');
      await daemon.ok('network', 'create', '-o', 'com.docker.network.driver.mtu=1350', 'own');
      assert.equal(await daemon.ok('run', '--rm', '--network', 'own', 'net', ...mtu), '1350');
    },
  );

  await t.test('without a proxy nothing goes from IPv6 to a container of IPv4', async () => {
    const port = await freePort();
    await daemon.ok('run', '-d', '--name', 'b3', '-p', `0.0.0.0:${port}:80`, '-p', `[::]:${port}:80`, 'net');
    assert.equal(await daemon.ok('port', 'b3'), `80/tcp -> 0.0.0.0:${port}`);
    await daemon.ok('rm', '-f', 'b3');
  });

  await t.test('a change of the settings counts from the next start', async () => {
    await daemon.ok('rm', '-f', 'b1', 'b2');
    configure({ ...settings, bip: '10.233.0.1/24', 'fixed-cidr': '10.233.0.0/25', 'default-gateway': '' });
    await daemon.restart();
    assert.match(bridgeLink(), /inet 10\.233\.0\.1\/24/);
    assert.doesNotMatch(bridgeLink(), /10\.231/);
    assert.match(
      await daemon.ok('run', '--rm', 'net', 'ip', 'route'),
      /^default via 10\.233\.0\.1 dev eth0/m,
    );
  });
});
