/** What networks refuse, and what becomes of containers that come and go: Docker's rules and words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startDaemon } from './daemon.js';
import { importProgramImage } from './program-image.js';

test('rules of networks', async (t) => {
  const daemon = await startDaemon(t);
  await importProgramImage(daemon, { name: 'plain', changes: ['CMD ["sleep", "600"]'] });
  const refused = async (words: readonly string[], message: RegExp | string) => {
    const { code, stderr } = await daemon.docker(...words);
    assert.equal(code, words[0] === 'run' ? 125 : 1, stderr);
    if (typeof message === 'string') assert.ok(stderr.includes(message), `${words.join(' ')}: ${stderr}`);
    else assert.match(stderr, message);
  };
  const inspect = async (network: string) =>
    JSON.parse(await daemon.ok('network', 'inspect', '-f', '{{json .}}', network)) as {
      IPAM: { Config: object[] };
      Labels: object;
      Options: object;
      ConfigFrom: object;
      ConfigOnly: boolean;
      Driver: string;
    };

  await t.test('networks of settings, and those that take them', async () => {
    const option = 'com.docker.network.bridge.enable_icc=false';
    await daemon.ok(
      ...['network', 'create', '--config-only', '--subnet', '10.221.0.0/24'],
      ...['--label', 'a=b', '-o', option, 'settings'],
    );
    assert.deepEqual((({ Driver, ConfigOnly }) => [Driver, ConfigOnly])(await inspect('settings')), [
      'null',
      true,
    ]);
    await daemon.ok('network', 'create', '--config-from', 'settings', 'taker');
    const taker = await inspect('taker');
    assert.deepEqual(
      [taker.IPAM.Config, taker.Labels, taker.Options, taker.ConfigFrom, taker.ConfigOnly],
      [
        [{ Subnet: '10.221.0.0/24' }],
        { a: 'b' },
        { 'com.docker.network.bridge.enable_icc': 'false' },
        { Network: 'settings' },
        false,
      ],
    );
    await refused(['network', 'rm', 'settings'], 'configuration network "settings" is in use');
    await refused(
      ['run', '--rm', '--network', 'settings', 'plain', 'true'],
      'cannot create endpoint on configuration-only network',
    );
    await daemon.ok('network', 'rm', 'taker');
    await daemon.ok('network', 'prune', '-f');
    await daemon.ok('network', 'rm', 'settings');
    await refused(
      ['network', 'create', '--config-from', 'settings', 'taker'],
      'configuration network "settings" does not exist',
    );
  });

  await t.test('a network is shown as it was asked for; names may hold a slash', async () => {
    await daemon.ok(
      ...['network', 'create', '--ipv6', '--subnet', 'fd00:221::/64', '--subnet', '10.222.0.0/24', 'a/b'],
    );
    assert.deepEqual((await inspect('a/b')).IPAM.Config, [
      { Subnet: '10.222.0.0/24' },
      { Subnet: 'fd00:221::/64' },
    ]);
    await daemon.ok('network', 'rm', 'a/b');
    await refused(
      ['network', 'create', '--subnet', '10.222.0.0/24', '--subnet', '10.223.0.0/24', 'x'],
      "bridge driver doesn't support multiple subnets",
    );
    assert.equal(await daemon.ok('network', 'ls', '-q', '-f', 'type=custom'), '');
  });

  await t.test('connect and disconnect, running and stopped', async () => {
    await daemon.ok('network', 'create', '--subnet', '10.222.0.0/24', 'n1');
    await daemon.ok('network', 'create', 'n2');
    await daemon.ok('run', '-d', '--name', 'c1', '--network', 'n1', '--hostname', 'box', 'plain');
    assert.equal((await daemon.docker('exec', 'c1', 'nslookup', 'box')).code, 0, 'its host name is a name');
    await refused(['network', 'connect', 'n1', 'c1'], 'endpoint with name c1 already exists in network n1');
    await refused(
      ['network', 'connect', '--ip', '10.9.9.9', 'n2', 'c1'],
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    );
    await refused(['network', 'disconnect', '-f', 'n2', 'nosuch'], 'endpoint nosuch not found');
    await refused(
      ['network', 'disconnect', 'n2', 'c1'],
      /container [0-9a-f]{64} is not connected to network n2/,
    );
    await daemon.ok('stop', '-t', '0', 'c1');
    await daemon.ok('network', 'connect', 'n2', 'c1');
    await daemon.ok('network', 'connect', 'n2', 'c1');
    await daemon.ok('network', 'rm', 'n2');
    await refused(['start', 'c1'], /network [0-9a-f]{64} not found/);
    await daemon.ok('network', 'disconnect', 'n2', 'c1');
    await daemon.ok('start', 'c1');
    await daemon.ok('rm', '-f', 'c1');
    await refused(
      ['run', '--rm', '--network', 'n1', '--ip', '10.9.9.9', 'plain', 'true'],
      /invalid config for network n1: invalid endpoint settings:\nno configured subnet or ip-range contain the IP address 10\.9\.9\.9/,
    );
  });

  await t.test('a network made again under the same name is another one', async () => {
    const create = (name: string) => daemon.ok('network', 'create', name);
    const joins = async (name: string) => {
      await daemon.ok('start', name);
      const networks = JSON.parse(
        await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Networks}}', name),
      ) as Record<string, { NetworkID: string }>;
      await daemon.ok('stop', '-t', '0', name);
      return Object.values(networks)[0]!.NetworkID;
    };
    const first = await create('again');
    await daemon.ok('create', '--name', 'new', '--network', 'again', 'plain');
    await daemon.ok('create', '--name', 'old', '--network', 'again', 'plain');
    assert.equal(await joins('old'), first);
    await daemon.ok('network', 'rm', 'again');
    const second = await create('again');
    await refused(['start', 'old'], new RegExp(`network ${first} not found`));
    assert.equal(await daemon.ok('ps', '-aq', '--filter', `network=${second}`, '--filter', 'name=old'), '');
    // As dockerd: a container that never ran has joined none yet.
    assert.equal(await joins('new'), second);
    await daemon.restart();
    await refused(['start', 'old'], new RegExp(`network ${first} not found`));
    // Connecting says which one is meant, and so does the request.
    await daemon.ok('network', 'connect', 'again', 'old');
    assert.equal(await joins('old'), second);
    await daemon.ok('network', 'rm', 'again');
    const { status } = await daemon.api('POST', '/containers/create?name=stale', {
      Image: 'plain',
      HostConfig: { NetworkMode: 'again' },
      NetworkingConfig: { EndpointsConfig: { again: { NetworkID: second } } },
    });
    assert.equal(status, 201);
    await create('again');
    await refused(['start', 'stale'], new RegExp(`network ${second} not found`));
    await daemon.ok('network', 'disconnect', 'again', 'old');
    await daemon.ok('rm', 'old', 'new', 'stale');
    await daemon.ok('network', 'rm', 'again');
  });

  await t.test('host and none', async () => {
    await daemon.ok('run', '-d', '--name', 'h1', '--network', 'host', '-p', '80:80', 'plain');
    const shared = 'container sharing network namespace with another container or host cannot be connected';
    await refused(['network', 'connect', 'n1', 'h1'], shared);
    assert.equal(await daemon.ok('inspect', '-f', '{{json .NetworkSettings.Ports}}', 'h1'), '{}');
    await daemon.ok('run', '-d', '--name', 'e1', '--network', 'none', 'plain');
    const alone = 'with one of the networks in private (none) mode';
    await refused(['network', 'connect', 'n1', 'e1'], alone);
    await daemon.ok('network', 'disconnect', 'none', 'e1');
    await daemon.ok('network', 'connect', 'n1', 'e1');
    await refused(['network', 'connect', 'none', 'e1'], alone);
    await daemon.ok('rm', '-f', 'h1', 'e1');
  });

  await t.test('bad requests', async () => {
    const answers = async (method: string, path: string, body?: object) => {
      const { status, text } = await daemon.api(method, path, body);
      return [status, (JSON.parse(text) as { message: string }).message];
    };
    assert.deepEqual(await answers('POST', '/networks/n1/connect', {}), [
      400,
      'invalid name or ID supplied: ""',
    ]);
    assert.equal((await answers('GET', '/networks/n1?verbose=nonsense'))[0], 400);
    assert.deepEqual(
      await answers('POST', '/networks/create', { Name: 'x', IPAM: { Config: [{ Gateway: '10.1.1.1' }] } }),
      [400, 'invalid network config:\ninvalid subnet : invalid CIDR block notation'],
    );
    assert.equal((await answers('POST', '/networks/create', { Name: 'x', Scope: 'global' }))[0], 403);
  });
});
