/** Networks of containers: what reaches what, addresses, live changes, and what is left after faults. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from './daemon.js';
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
  traces,
} from './external-hosts.js';

interface Inspected {
  IPAddress: string;
  GlobalIPv6Address: string;
  Gateway: string;
  MacAddress: string;
}

async function endpoint(daemon: TestDaemon, container: string, network: string): Promise<Inspected> {
  const text = await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Networks}}', container);
  return (JSON.parse(text) as Record<string, Inspected>)[network]!;
}

test('networks of containers', async (t) => {
  const daemon = await startDaemon(t);
  const outside = externalHost(t);
  await importNetImage(daemon);
  outside.serve(mirror(7000)[0]!, ...mirror(7000).slice(1));
  outside.serve(mirror(7000, 'TCP6')[0]!, ...mirror(7000, 'TCP6').slice(1));
  const start = (name: string, ...words: string[]) => daemon.ok('run', '-d', '--name', name, ...words);
  const inside = (name: string) => fromContainer(daemon, name);

  await t.test('the default bridge: addresses, no names, a way out with the host’s address', async () => {
    await start('aa', 'net', ...mirror(80));
    await start('bb', 'net');
    const a = await endpoint(daemon, 'aa', 'bridge');
    assert.match(a.MacAddress, /^[0-9a-f][26ae]:/, 'locally administered, unicast');
    assert.notEqual(await ask(inside('bb'), a.IPAddress, 80), '');
    assert.notEqual((await inside('bb')('ping', '-c', '1', '-W', '1', 'aa')).code, 0);
    assert.equal(await ask(inside('bb'), outside.address, 7000), outside.gateway);
    const hosts = await daemon.ok('exec', 'aa', 'cat', '/etc/hosts');
    assert.match(hosts, new RegExp(`${a.IPAddress}\\s+[0-9a-f]{12}`));
  });

  await t.test('links of the default bridge: a name and the variables of the other', async () => {
    const { IPAddress } = await endpoint(daemon, 'aa', 'bridge');
    const seen = await daemon.ok('run', '--rm', '--link', 'aa:alias', 'net', 'cat', '/etc/hosts');
    assert.match(seen, new RegExp(`${IPAddress}\\s+alias [0-9a-f]{12} aa`));
    await daemon.ok('create', '--name', 'asleep', 'net');
    const { code, stderr } = await daemon.docker('run', '--rm', '--link', 'asleep:x', 'net', 'true');
    assert.equal(code, 125);
    assert.match(stderr, /Cannot link to a non running container: \/asleep AS/);
    await daemon.ok('rm', 'asleep');
  });

  await t.test(
    'a link is a name of its container, follows renames and restarts, and goes with rm --link',
    async () => {
      const { docker, ok } = daemon;
      await start('child', 'net');
      await start('parent', '--link', 'child:web', 'net');
      const linked = (name: string) => ok('inspect', '-f', '{{.HostConfig.Links}}', name);
      const hosts = async (name: string) =>
        (await ok('exec', name, 'cat', '/etc/hosts')).split('\n').filter((line) => /\sweb\s/.test(line));
      const addressOf = async (name: string) => (await endpoint(daemon, name, 'bridge')).IPAddress;
      assert.equal(await linked('parent'), '[/child:/parent/web]');
      assert.equal(await ok('inspect', '-f', '{{.Name}}', 'parent/web'), '/child');
      assert.equal(
        await ok('ps', '--no-trunc', '--filter', 'name=child', '--format', '{{.Names}}'),
        'child,parent/web',
      );
      // Its address goes to another; the parent learns of the new one.
      await ok('stop', '-t', '0', 'child');
      await start('thief', 'net');
      await ok('start', 'child');
      assert.notEqual(await addressOf('child'), await addressOf('thief'));
      assert.match(
        (await hosts('parent')).join(),
        new RegExp(`^${await addressOf('child')}\\sweb [0-9a-f]+ child$`),
      );
      await ok('rename', 'child', 'kid');
      await ok('rename', 'parent', 'elder');
      assert.equal(await linked('elder'), '[/kid:/elder/web]');
      await ok('restart', '-t', '0', 'elder');
      assert.match((await hosts('elder')).join(), /web [0-9a-f]+ kid$/);
      assert.match(await ok('exec', 'elder', 'env'), /^WEB_NAME=\/elder\/web$/m);
      const refused = async (name: string, message: string) => {
        const { code, stderr } = await docker('rm', '--link', name);
        assert.deepEqual([code, stderr.trim()], [1, `Error response from daemon: ${message}`]);
      };
      await refused('kid', 'Conflict, cannot remove the default link name of the container');
      await refused('elder/nope', 'No such container: elder/nope');
      assert.equal(await ok('rm', '--link', 'elder/web'), 'elder/web');
      assert.equal(await linked('elder'), '[]');
      assert.deepEqual(await hosts('elder'), []);
      await refused('elder/web', 'No such container: elder/web');
      await daemon.restart();
      assert.equal(await linked('elder'), '[]');
      assert.match(
        (await docker('create', '--link', 'nobody', 'net')).stderr,
        /could not get container for nobody: No such container: nobody/,
      );
      await ok('rm', '-f', 'kid', 'elder', 'thief');
    },
  );

  await t.test('bridges are isolated from each other; aliases are shared', async () => {
    await daemon.ok('network', 'create', 'front');
    await daemon.ok('network', 'create', 'back');
    await start('f1', '--network', 'front', '--network-alias', 'twin', 'net', ...mirror(80));
    await start('f2', '--network', 'front', '--network-alias', 'twin', 'net', ...mirror(80));
    await start('gg', '--network', 'back', 'net');
    const f1 = await endpoint(daemon, 'f1', 'front');
    assert.notEqual(await ask(inside('f2'), 'f1', 80), '');
    await nobodyAnswers(inside('gg'), f1.IPAddress, 80);
    await nobodyAnswers(inside('bb'), f1.IPAddress, 80);
    assert.notEqual((await inside('gg')('ping', '-c', '1', '-W', '1', f1.IPAddress)).code, 0);
    const found = (await inside('f2')('nslookup', 'twin')).stdout;
    for (const name of ['f1', 'f2']) {
      const { IPAddress } = await endpoint(daemon, name, 'front');
      assert.match(found, new RegExp(`\\b${IPAddress.replaceAll('.', '\\.')}\\b`));
    }
  });

  await t.test('internal: neighbours only', async () => {
    await daemon.ok('network', 'create', '--internal', 'inner');
    await start('i1', '--network', 'inner', 'net', ...mirror(80));
    await start('i2', '--network', 'inner', 'net');
    assert.notEqual(await ask(inside('i2'), 'i1', 80), '');
    await nobodyAnswers(inside('i2'), outside.address, 7000);
    const i1 = await endpoint(daemon, 'i1', 'inner');
    assert.equal(i1.Gateway, '');
    await nobodyAnswers(inside('f1'), i1.IPAddress, 80);
    await nobodyAnswers(fromExternal(outside), i1.IPAddress, 80);
  });

  await t.test('ICC off: the way out only', async () => {
    await daemon.ok('network', 'create', '-o', 'com.docker.network.bridge.enable_icc=false', 'quiet');
    await start('q1', '--network', 'quiet', 'net', ...mirror(80));
    await start('q2', '--network', 'quiet', 'net');
    const { IPAddress } = await endpoint(daemon, 'q1', 'quiet');
    assert.notEqual(await ask(fromHost, IPAddress, 80), '');
    assert.equal(await ask(inside('q2'), outside.address, 7000), outside.gateway);
    await nobodyAnswers(inside('q2'), IPAddress, 80);
  });

  await t.test('IPv6: addresses, names, the way out, published ports', async () => {
    await daemon.ok('network', 'create', '--ipv6', '--subnet', 'fd00:77:1::/64', 'six');
    await start('s1', '--network', 'six', '-p', '17777:80', 'net', ...mirror(80, 'TCP6'));
    await start('s2', '--network', 'six', '--ip6', 'fd00:77:1::77', 'net');
    const s1 = await endpoint(daemon, 's1', 'six');
    assert.match(s1.GlobalIPv6Address, /^fd00:77:1::/);
    assert.equal((await endpoint(daemon, 's2', 'six')).GlobalIPv6Address, 'fd00:77:1::77');
    assert.equal(
      await ask(inside('s2'), s1.GlobalIPv6Address, 80),
      '[fd00:0077:0001:0000:0000:0000:0000:0077]',
    );
    assert.notEqual(await ask(inside('s2'), outside.address6, 7000), '');
    const seen = await ask(fromExternal(outside), outside.gateway6, 17777);
    assert.equal(seen.replaceAll(/[[\]]|\b0{1,3}/g, '').replace(/(:0)+:/, '::'), outside.address6);
    assert.notEqual(await ask(fromHost, '::1', 17777), '');
    await nobodyAnswers(fromExternal(outside), s1.GlobalIPv6Address, 80);
    assert.match(await daemon.ok('network', 'create', '--ipv6', 'six2'), /^[0-9a-f]{64}$/);
    assert.match(
      await daemon.ok('network', 'inspect', '-f', '{{range .IPAM.Config}}{{.Subnet}} {{end}}', 'six2'),
      /fd[0-9a-f:]+\/64/,
    );
    const without = ['--network', 'six', '--sysctl', 'net.ipv6.conf.all.disable_ipv6=1'];
    assert.doesNotMatch(await daemon.ok('run', '--rm', ...without, 'net', 'ip', '-o', 'addr'), /inet6/);
    await daemon.ok('rm', '-f', 's1', 's2');
  });

  await t.test('addresses and options of a network; masquerading off', async () => {
    await daemon.ok(
      ...[
        'network',
        'create',
        '--subnet',
        '10.214.0.0/16',
        '--ip-range',
        '10.214.5.0/30',
        '--gateway',
        '10.214.9.9',
      ],
      ...['--aux-address', 'router=10.214.5.1', '-o', 'com.docker.network.bridge.enable_ip_masquerade=false'],
      ...[
        '-o',
        `com.docker.network.bridge.name=${daemon.bridge}x`,
        '-o',
        'com.docker.network.driver.mtu=1300',
        'own',
      ],
    );
    await start('o1', '--network', 'own', 'net');
    await start('o2', '--network', 'own', 'net');
    assert.equal((await endpoint(daemon, 'o1', 'own')).IPAddress, '10.214.5.0');
    assert.equal((await endpoint(daemon, 'o2', 'own')).IPAddress, '10.214.5.2');
    assert.equal((await endpoint(daemon, 'o2', 'own')).Gateway, '10.214.9.9');
    await start('o3', '--network', 'own', 'net');
    const full = await daemon.docker('run', '--rm', '--network', 'own', 'net', 'true');
    assert.match(full.stderr, /no available IPv4 addresses on this network's address pools: own/);
    assert.equal(await ask(inside('o1'), outside.address, 7000), '10.214.5.0');
    assert.match(execFileSync('ip', ['link', 'show', `${daemon.bridge}x`], { encoding: 'utf8' }), /mtu 1300/);
    await daemon.ok('rm', '-f', 'o1', 'o2', 'o3');
    await daemon.ok('network', 'rm', 'own');
  });

  await t.test('several networks, joined and left while running; the gateway follows', async () => {
    await start('multi', '--network', 'front', 'net');
    await daemon.ok('network', 'connect', '--alias', 'also', 'back', 'multi');
    const back = await endpoint(daemon, 'multi', 'back');
    const front = await endpoint(daemon, 'multi', 'front');
    const route = () => daemon.ok('exec', 'multi', 'ip', 'route', 'show', 'default');
    assert.match(await route(), new RegExp(`via ${back.Gateway} dev eth1`), 'lexical order of names');
    assert.equal((await inside('gg')('ping', '-c', '1', '-W', '2', 'also')).code, 0);
    await daemon.ok('network', 'disconnect', 'back', 'multi');
    assert.match(await route(), new RegExp(`via ${front.Gateway} dev eth0`));
    assert.notEqual((await inside('gg')('ping', '-c', '1', '-W', '1', 'also')).code, 0);
    assert.equal(await ask(inside('multi'), outside.address, 7000), outside.gateway);
    await daemon.ok('network', 'connect', '--gw-priority', '7', 'back', 'multi');
    await daemon.ok('network', 'disconnect', 'front', 'multi');
    await daemon.ok('network', 'connect', '--gw-priority', '9', 'front', 'multi');
    assert.match(await route(), new RegExp(`via ${front.Gateway} dev eth0`));
    await daemon.ok('rm', '-f', 'multi');
  });

  await t.test('an address that moves to another container is found at once', async () => {
    await daemon.ok('network', 'create', '--subnet', '10.215.0.0/24', 'moving');
    await start('watcher', '--network', 'moving', 'net');
    for (const name of ['m1', 'm2', 'm3']) {
      await start(name, '--network', 'moving', '--ip', '10.215.0.50', 'net', ...mirror(80));
      const begin = Date.now();
      assert.notEqual(await ask(inside('watcher'), '10.215.0.50', 80), '');
      assert.notEqual(await ask(fromHost, '10.215.0.50', 80), '');
      assert.ok(Date.now() - begin < 5000, 'no stale neighbour entry in the way');
      await daemon.ok('rm', '-f', name);
    }
    await daemon.ok('rm', '-f', 'watcher');
  });

  await t.test('rules that others delete come back', async () => {
    const table = tableOf(daemon);
    const list = () =>
      execFileSync('nft', ['list', 'table', 'inet', table], { encoding: 'utf8', stdio: 'pipe' });
    const whole = list();
    const damage = [
      ['delete', 'table', 'inet', table],
      ['flush', 'chain', 'inet', table, 'forward'],
      ['flush', 'table', 'inet', table],
    ];
    for (const words of damage) {
      execFileSync('nft', words);
      for (const end = Date.now() + 10_000; ; await sleep(50)) {
        let now = '';
        try {
          now = list();
        } catch {}
        if (now === whole) break;
        assert.ok(Date.now() < end, `not restored after nft ${words.join(' ')}`);
      }
    }
    assert.match(daemon.log(), /deleted by another program/);
  });

  await t.test('after kill -9: containers keep their links; what is missing is made again', async () => {
    const f1 = await endpoint(daemon, 'f1', 'front');
    await daemon.kill9();
    const bridge = `br-${(await networkId()).slice(0, 12)}`;
    execFileSync('ip', ['link', 'del', bridge]);
    execFileSync('nft', ['delete', 'table', 'inet', tableOf(daemon)]);
    await daemon.restart();
    assert.notEqual(await ask(inside('f2'), 'f1', 80), '', 'names and links work again');
    assert.equal(await ask(inside('f2'), outside.address, 7000), outside.gateway);
    await nobodyAnswers(inside('gg'), f1.IPAddress, 80);
    assert.equal((await endpoint(daemon, 'f1', 'front')).IPAddress, f1.IPAddress);
    await start('f3', '--network', 'front', 'net', ...mirror(80));
    const addresses = await Promise.all(['f1', 'f2', 'f3'].map((name) => endpoint(daemon, name, 'front')));
    assert.equal(new Set(addresses.map(({ IPAddress }) => IPAddress)).size, 3, 'no address twice');

    async function networkId(): Promise<string> {
      const { readdirSync, readFileSync } = await import('node:fs');
      const directory = `${daemon.dataRoot}/networks`;
      return readdirSync(directory)
        .map(
          (file) => JSON.parse(readFileSync(`${directory}/${file}`, 'utf8')) as { id: string; name: string },
        )
        .find(({ name }) => name === 'front')!.id;
    }
  });

  await t.test('a network create that ends in the middle leaves nothing', async () => {
    await daemon.kill9();
    await daemon.restart({ NOOS_CRASH_AT: 'network:after-record' });
    await daemon.docker('network', 'create', 'half');
    await daemon.ended();
    await daemon.restart();
    const networks = (await daemon.ok('network', 'ls', '--format', '{{.Name}}')).split('\n');
    if (networks.includes('half')) await daemon.ok('network', 'rm', 'half');
    await daemon.ok('network', 'create', 'half');
    await daemon.ok('run', '--rm', '--network', 'half', 'net', 'true');
    await daemon.ok('network', 'rm', 'half');
  });

  await t.test('a network removal that ends in the middle is finished at the next start', async () => {
    await daemon.ok('network', 'create', '-o', 'com.docker.network.bridge.name=nhalf', 'half');
    await daemon.restart({ NOOS_CRASH_AT: 'network:record-removed' });
    await daemon.docker('network', 'rm', 'half');
    await daemon.ended();
    await daemon.restart();
    assert.doesNotMatch(await daemon.ok('network', 'ls', '--format', '{{.Name}}'), /half/);
    assert.doesNotMatch(execFileSync('ip', ['link'], { encoding: 'utf8' }), /nhalf/);
  });

  await t.test('nothing is left after a graceful end', async () => {
    const all = (await daemon.ok('ps', '-aq')).split('\n');
    await daemon.ok('rm', '-f', ...all);
    process.kill(daemon.pid, 'SIGTERM');
    await daemon.ended();
    assert.deepEqual(traces(daemon), []);
  });
});

/** /sys shows the interfaces of the namespace in which it was mounted: of the host, not of the daemon. */
test('in a network namespace of its own, below the host’s /sys', async (t) => {
  const daemon = await startDaemon(t, { launcher: ['unshare', '--net'] });
  await importNetImage(daemon);
  await daemon.ok('network', 'create', 'front');
  await daemon.ok('run', '-d', '--name', 'web', '--network', 'front', 'net', ...mirror(80));
  assert.notEqual(await ask(fromContainer(daemon, 'web'), '127.0.0.1', 80), '');
  await daemon.ok('run', '-d', '--name', 'client', 'net');
  await daemon.ok('network', 'connect', 'front', 'client');
  assert.notEqual(await ask(fromContainer(daemon, 'client'), 'web', 80), '');
});
