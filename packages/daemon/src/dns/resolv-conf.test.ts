import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildResolvConf, parseResolvConf, readHostResolvConf } from './resolv-conf.js';

const none = { servers: [], search: [], options: [] };

test('a file is read as resolvers read it', () => {
  const text =
    '# c\n; c\nnameserver 10.0.0.1\n nameserver\tfe80::1%eth0 \nnameserver nonsense\ndomain old\nsearch a b\noptions ndots:2\noptions edns0 x\nsortlist 1\n';
  assert.deepEqual(parseResolvConf(text), {
    servers: ['10.0.0.1', 'fe80::1%eth0'],
    search: ['a', 'b'],
    options: ['ndots:2', 'edns0', 'x'],
  });
});

test('the servers behind systemd-resolved are taken instead of its stub', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'noos-resolv-'));
  t.after(() => rm(directory, { recursive: true }));
  const [path, behind] = [join(directory, 'stub'), join(directory, 'behind')];
  await writeFile(path, 'nameserver 127.0.0.53\n');
  assert.deepEqual((await readHostResolvConf(path, behind)).servers, ['127.0.0.53']);
  await writeFile(behind, 'nameserver 192.0.2.1\nsearch lan\n');
  assert.deepEqual(await readHostResolvConf(path, behind), {
    servers: ['192.0.2.1'],
    search: ['lan'],
    options: [],
  });
  assert.deepEqual(await readHostResolvConf(join(directory, 'absent'), behind), none);
});

test('on a user-defined network the embedded resolver stands alone', () => {
  const host = parseResolvConf('nameserver 127.0.0.1\nnameserver 10.0.0.1\nsearch lan\n');
  assert.deepEqual(buildResolvConf(host, { embedded: true, ipv6: false, dns: none }), {
    content: 'nameserver 127.0.0.11\nsearch lan\noptions ndots:0\n',
    servers: ['127.0.0.1', '10.0.0.1'],
    ndots: false,
  });
  assert.deepEqual(
    buildResolvConf(host, {
      embedded: true,
      ipv6: false,
      dns: { servers: ['1.1.1.1', '127.0.0.11'], search: ['.'], options: ['ndots:3', 'debug'] },
    }),
    {
      content: 'nameserver 127.0.0.11\noptions ndots:3 debug\n',
      servers: ['1.1.1.1'],
      ndots: true,
    },
  );
});

test('elsewhere the servers of the host that a container can reach', () => {
  const host = parseResolvConf(
    'nameserver 127.0.0.53\nnameserver ::1\nnameserver 10.0.0.1\nnameserver 2001:db8::1\n',
  );
  const content = (ipv6: boolean, servers: string[] = []) =>
    buildResolvConf(host, { embedded: false, ipv6, dns: { ...none, servers } }).content;
  assert.equal(content(false), 'nameserver 10.0.0.1\n');
  assert.equal(content(true), 'nameserver 10.0.0.1\nnameserver 2001:db8::1\n');
  assert.equal(content(false, ['127.0.0.1']), 'nameserver 127.0.0.1\n');
  assert.equal(
    buildResolvConf(none, { embedded: false, ipv6: false, dns: none }).content,
    'nameserver 8.8.8.8\nnameserver 8.8.4.4\n',
  );
});
