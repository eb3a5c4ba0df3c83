/** Driver macvlan: containers beside the host on its cable. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { startDaemon } from './daemon.js';
import {
  ask,
  externalHost,
  fromContainer,
  fromExternal,
  importNetImage,
  mirror,
  nobodyAnswers,
  traces,
} from './external-hosts.js';

test('macvlan', async (t) => {
  const daemon = await startDaemon(t);
  const machine = externalHost(t, { addressed: false });
  await importNetImage(daemon);
  await machine.run('ip', 'addr', 'add', '10.216.0.1/24', 'dev', machine.interface.replace('nx', 'ny'));
  machine.serve(mirror(7000)[0]!, ...mirror(7000).slice(1));
  const parent = machine.interface;
  const create = (...words: string[]) =>
    daemon.docker('network', 'create', '-d', 'macvlan', '--subnet', '10.216.0.0/24', ...words);
  const start = (name: string, ...words: string[]) => daemon.ok('run', '-d', '--name', name, ...words);

  await t.test('mode bridge: containers are machines on the cable', async () => {
    assert.equal((await create('--gateway', '10.216.0.1', '-o', `parent=${parent}`, 'lan')).code, 0);
    await start('m1', '--network', 'lan', '--ip', '10.216.0.10', '-p', '18181:80', 'net', ...mirror(80));
    await start('m2', '--network', 'lan', '--ip', '10.216.0.11', '--mac-address', '02:00:00:00:aa:bb', 'net');
    assert.equal(await ask(fromExternal(machine), '10.216.0.10', 80), '10.216.0.1');
    assert.equal(await ask(fromContainer(daemon, 'm2'), '10.216.0.1', 7000), '10.216.0.11');
    assert.equal(await ask(fromContainer(daemon, 'm2'), 'm1', 80), '10.216.0.11');
    const neighbours = (await machine.run('ip', 'neigh')).stdout;
    assert.match(neighbours, /10\.216\.0\.11 .*02:00:00:00:aa:bb/);
    assert.match(await daemon.ok('exec', 'm1', 'ip', 'route'), /default via 10\.216\.0\.1 dev eth0/);
    assert.equal(await daemon.ok('port', 'm1'), '', 'ports are not published: the container has an address');
  });

  await t.test('a parent may serve several networks; wrong options are refused', async () => {
    await daemon.ok(
      ...[
        'network',
        'create',
        '-d',
        'macvlan',
        '--subnet',
        '10.219.0.0/24',
        '-o',
        `parent=${parent}`,
        'lan2',
      ],
    );
    await start('m3', '--network', 'lan2', '--ip', '10.219.0.9', 'net');
    await machine.run('ip', 'addr', 'add', '10.219.0.1/24', 'dev', parent.replace('nx', 'ny'));
    assert.equal(await ask(fromContainer(daemon, 'm3'), '10.219.0.1', 7000), '10.219.0.9');
    await daemon.ok('rm', '-f', 'm3');
    const only = await daemon.docker(
      ...['network', 'create', '-d', 'macvlan', '-o', `parent=${parent}`, '-o', 'macvlan_mode=passthru', 'x'],
    );
    assert.match(
      only.stderr,
      new RegExp(
        `cannot use mode passthru, macvlan network [0-9a-f]{64} is already using parent interface ${parent}`,
      ),
    );
    await daemon.ok('network', 'rm', 'lan2');
    assert.match(
      (await create('-o', 'macvlan_mode=odd', 'x')).stderr,
      /overlaps|macvlan mode 'odd' is not valid/,
    );
    const missing = await daemon.docker('network', 'create', '-d', 'macvlan', '-o', 'parent=nosuch0', 'x');
    assert.match(missing.stderr, /invalid subinterface vlan name nosuch0, example formatting is eth0\.10/);
    const orphan = await daemon.docker('network', 'create', '-d', 'macvlan', '-o', 'parent=nosuch0.7', 'x');
    assert.match(orphan.stderr, /failed to find master interface nosuch0/);
    assert.deepEqual((await daemon.ok('network', 'ls', '-q', '-f', 'name=x')).trim(), '');
  });

  await t.test('a VLAN sub-interface is made and removed, or the error names what is missing', async () => {
    const vlan = await daemon.docker(
      ...[
        'network',
        'create',
        '-d',
        'macvlan',
        '--subnet',
        '10.217.0.0/24',
        '-o',
        `parent=${parent}.7`,
        'vlan',
      ],
    );
    const links = () => execFileSync('ip', ['-br', 'link'], { encoding: 'utf8' });
    if (vlan.code === 0) {
      assert.match(links(), new RegExp(`${parent}\\.7@${parent}`));
      await daemon.ok('network', 'rm', 'vlan');
    } else assert.match(vlan.stderr, /the kernel has no 802\.1Q support \(module 8021q\)/);
    assert.doesNotMatch(links(), new RegExp(`${parent}\\.7`));
  });

  await t.test('mode private: the cable, not each other', async () => {
    await daemon.ok('rm', '-f', 'm1', 'm2');
    await daemon.ok('network', 'rm', 'lan');
    assert.equal((await create('-o', `parent=${parent}`, '-o', 'macvlan_mode=private', 'alone')).code, 0);
    await start('p1', '--network', 'alone', '--ip', '10.216.0.20', 'net', ...mirror(80));
    await start('p2', '--network', 'alone', '--ip', '10.216.0.21', 'net');
    assert.equal(await ask(fromExternal(machine), '10.216.0.20', 80), '10.216.0.1');
    await nobodyAnswers(fromContainer(daemon, 'p2'), '10.216.0.20', 80);
    await daemon.ok('rm', '-f', 'p1', 'p2');
  });

  await t.test('mode vepa: each other only by way of a switch that sends frames back', async () => {
    await daemon.ok('network', 'rm', 'alone');
    assert.equal((await create('-o', `parent=${parent}`, '-o', 'macvlan_mode=vepa', 'vepa')).code, 0);
    await start('v1', '--network', 'vepa', '--ip', '10.216.0.30', 'net', ...mirror(80));
    await start('v2', '--network', 'vepa', '--ip', '10.216.0.31', 'net');
    assert.equal(await ask(fromExternal(machine), '10.216.0.30', 80), '10.216.0.1');
    await nobodyAnswers(fromContainer(daemon, 'v2'), '10.216.0.30', 80);
    const port = parent.replace('nx', 'ny');
    for (const words of [
      ['link', 'add', 'switch', 'type', 'bridge'],
      ['link', 'set', port, 'master', 'switch'],
      ['link', 'set', port, 'type', 'bridge_slave', 'hairpin', 'on'],
      ['link', 'set', 'switch', 'up'],
    ])
      assert.equal((await machine.run('ip', ...words)).code, 0, words.join(' '));
    assert.equal(await ask(fromContainer(daemon, 'v2'), '10.216.0.30', 80), '10.216.0.31');
    await machine.run('ip', 'link', 'del', 'switch');
    await daemon.ok('rm', '-f', 'v1', 'v2');
    await daemon.ok('network', 'rm', 'vepa');
  });

  await t.test('mode passthru: the cable is one container’s alone', async () => {
    assert.equal((await create('-o', `parent=${parent}`, '-o', 'macvlan_mode=passthru', 'sole')).code, 0);
    await start('s1', '--network', 'sole', '--ip', '10.216.0.40', 'net', ...mirror(80));
    assert.equal(await ask(fromExternal(machine), '10.216.0.40', 80), '10.216.0.1');
    const second = await daemon.docker('run', '--rm', '--network', 'sole', 'net', 'true');
    assert.equal(second.code, 125);
    assert.match(second.stderr, new RegExp(`parent interface ${parent} is in use by another container`));
    const other = await daemon.docker(
      ...['network', 'create', '-d', 'macvlan', '--subnet', '10.219.0.0/24', '-o', `parent=${parent}`, 'x'],
    );
    assert.match(other.stderr, /is already using parent interface \w+ in mode passthru/);
    await daemon.ok('rm', '-f', 's1');
    await daemon.ok('run', '--rm', '--network', 'sole', 'net', 'true');
    await daemon.ok('network', 'rm', 'sole');
  });

  await t.test('drivers that do not exist', async () => {
    for (const driver of ['ipvlan', 'nosuch']) {
      const { code, stderr } = await daemon.docker('network', 'create', '-d', driver, 'x');
      assert.deepEqual([code, stderr.includes(`plugin "${driver}" not found`)], [1, true], stderr);
    }
    const overlay = await daemon.docker('network', 'create', '-d', 'overlay', 'x');
    assert.match(overlay.stderr, /This node is not a swarm manager\. Use "docker swarm init"/);
  });

  await t.test('without a parent: containers among themselves', async () => {
    const { code, stderr } = await daemon.docker('network', 'create', '-d', 'macvlan', 'closed');
    assert.equal(code, 0, stderr);
    await start('c1', '--network', 'closed', 'net', ...mirror(80));
    await start('c2', '--network', 'closed', 'net');
    assert.notEqual(await ask(fromContainer(daemon, 'c2'), 'c1', 80), '');
    assert.doesNotMatch(await daemon.ok('exec', 'c2', 'ip', 'route'), /default/);
    await daemon.ok('network', 'disconnect', 'closed', 'c2');
    assert.doesNotMatch(await daemon.ok('exec', 'c2', 'ip', 'link'), /eth0/);
  });

  await t.test('after kill -9 and a graceful end', async () => {
    await daemon.kill9();
    await daemon.restart();
    await daemon.ok('network', 'connect', 'closed', 'c2');
    assert.notEqual(await ask(fromContainer(daemon, 'c2'), 'c1', 80), '');
    await daemon.ok('rm', '-f', 'c1', 'c2');
    process.kill(daemon.pid, 'SIGTERM');
    await daemon.ended();
    assert.deepEqual(traces(daemon), []);
  });
});
