/** /etc/hosts, /etc/hostname, /etc/resolv.conf: names as libnetwork writes them, and nothing that a request smuggles in. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';

const daemon = await startDaemon({ after });
before(() => loadImages(daemon, busyboxImage()));

/** The last line of /etc/hosts without its address, and what `hostname` and `hostname -f` say. */
async function names(...flags: string[]): Promise<string[]> {
  const text = await daemon.ok(
    ...['run', '--rm', ...flags, 'busybox', 'sh', '-c', 'tail -n 1 /etc/hosts; cat /etc/hostname; hostname'],
  );
  const [line = '', ...rest] = text.split('\n');
  return [line.split('\t')[1] ?? '', ...rest];
}

test('a host name with a domain has its short name too', async () => {
  await daemon.ok('network', 'create', 'lan');
  for (const network of ['bridge', 'lan']) {
    const on = ['--network', network];
    const full = ['foo.example.com foo', 'foo.example.com', 'foo.example.com'];
    assert.deepEqual(await names(...on, '--hostname', 'foo.example.com'), full);
    const split = ['--hostname', 'foo', '--domainname', 'example.com'];
    assert.deepEqual(await names(...on, ...split), ['foo.example.com foo', 'foo', 'foo']);
    const both = ['--hostname', 'foo.lab', '--domainname', 'example.com'];
    assert.deepEqual(await names(...on, ...both), ['foo.lab.example.com foo', 'foo.lab', 'foo.lab']);
    assert.deepEqual(await names(...on, '--hostname', 'foo'), ['foo', 'foo', 'foo']);
    const [line = '', ...same] = await names(...on);
    assert.match(line, /^[0-9a-f]{12}$/);
    assert.deepEqual(same, [line, line]);
  }
});

test('what would add a line or a word is refused by its field’s name', async () => {
  const rows: [string, object][] = [
    ['Hostname', { Hostname: 'h\n1.2.3.4 evil' }],
    ['Domainname', { Domainname: 'd\n1.2.3.4 evil' }],
    ['ExtraHosts', { HostConfig: { ExtraHosts: ['a\n1.2.3.4 evil:1.2.3.4'] } }],
    ['Dns', { HostConfig: { Dns: ['1.1.1.1\nnameserver 6.6.6.6'] } }],
    ['DnsSearch', { HostConfig: { DnsSearch: ['lan\nnameserver 6.6.6.6'] } }],
    ['DnsOptions', { HostConfig: { DnsOptions: ['ndots:1\nnameserver 6.6.6.6'] } }],
    ['Env', { Env: ['A=\0'] }],
    ['Cmd', { Cmd: ['a\0b'] }],
    [
      'Aliases',
      {
        HostConfig: { NetworkMode: 'lan' },
        NetworkingConfig: { EndpointsConfig: { lan: { Aliases: ['a\nb'] } } },
      },
    ],
    [
      'Links',
      {
        HostConfig: { NetworkMode: 'lan' },
        NetworkingConfig: { EndpointsConfig: { lan: { Links: ['x:a\n1.2.3.4 evil'] } } },
      },
    ],
  ];
  for (const [field, body] of rows) {
    const { status, text } = await daemon.api('POST', '/v1.44/containers/create', {
      Image: 'busybox',
      ...body,
    });
    assert.equal(status, 400, `${field}: ${text}`);
    assert.match(text, new RegExp(`invalid ${field}: `));
  }
  const network = await daemon.api('POST', '/v1.44/networks/create', { Name: 'a\nb' });
  assert.deepEqual([network.status, /invalid name: /.test(network.text)], [400, true]);
  const id = await daemon.ok('run', '-d', '--network', 'none', 'busybox', 'sleep', '1000');
  const exec = await daemon.api('POST', `/v1.44/containers/${id}/exec`, { Cmd: ['true'], Env: ['A=\0'] });
  assert.deepEqual([exec.status, /invalid Env: /.test(exec.text)], [400, true]);
  await daemon.ok('rm', '-f', id);
});

test('lines in the environment, in arguments and in labels are kept as they are', async () => {
  const label = 'one\ntwo';
  const id = await daemon.ok(
    'create',
    '-e',
    `A=${label}`,
    '-l',
    `l=${label}`,
    'busybox',
    'sh',
    '-c',
    'echo "$A"',
  );
  assert.equal(await daemon.ok('start', '-a', id), label);
  assert.equal(await daemon.ok('inspect', '-f', '{{.Config.Labels.l}}', id), label);
  const options = ['--log-opt', 'labels=l', '--log-opt', 'env=A'];
  await daemon.ok(
    ...['run', '--name', 'said', ...options, '-l', `l=${label}`, '-e', `A=${label}`, 'busybox', 'echo', 'x'],
  );
  assert.equal(await daemon.ok('logs', '--details', 'said'), 'A=one%0Atwo,l=one%0Atwo x');
});
