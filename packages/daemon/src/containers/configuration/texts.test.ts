import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig, HostConfig } from '../types.js';
import { checkHostTexts, checkProcessTexts } from './texts.js';

/** Field, a request that smuggles something by it. */
const evil: [string, Partial<ContainerConfig>, HostConfig][] = [
  ['Hostname', { Hostname: 'h\n1.2.3.4 evil' }, {}],
  ['Hostname', { Hostname: 'h evil' }, {}],
  ['Hostname', { Hostname: 'h\u2028evil' }, {}],
  ['Domainname', { Domainname: 'd\r\n1.2.3.4 evil' }, {}],
  ['ExtraHosts', {}, { ExtraHosts: ['good:1.2.3.4', 'a\n5.6.7.8 b:1.2.3.4'] }],
  ['ExtraHosts', {}, { ExtraHosts: ['a\tb:1.2.3.4'] }],
  ['Dns', {}, { Dns: ['1.2.3.4\nnameserver 6.6.6.6'] }],
  ['DnsSearch', {}, { DnsSearch: ['lan\nnameserver 6.6.6.6'] }],
  ['DnsOptions', {}, { DnsOptions: ['ndots:1\nnameserver 6.6.6.6'] }],
  ['Links', {}, { Links: ['other:a\n1.2.3.4 evil'] }],
  ['CgroupParent', {}, { CgroupParent: '/a\n5:memory:/' }],
  ['Binds', {}, { Binds: ['/tmp/a\0:/b'] }],
  ['Mounts', {}, { Mounts: [{ Type: 'bind', Source: '/a', Target: '/b\0c' }] }],
  ['Tmpfs', {}, { Tmpfs: { '/t': 'size=1\0' } }],
  ['Sysctls', {}, { Sysctls: { 'net.a': '1\0' } }],
  ['Annotations', {}, { Annotations: { a: '\0' } }],
  ['Devices', {}, { Devices: [{ PathOnHost: '/dev/a\0', PathInContainer: '/b', CgroupPermissions: 'r' }] }],
  ['GroupAdd', {}, { GroupAdd: ['a\0'] }],
  ['SecurityOpt', {}, { SecurityOpt: ['apparmor=a\0'] }],
];

test('texts that would become another line or end before their time are refused by the name of their field', () => {
  for (const [field, config, host] of evil)
    assert.throws(() => checkHostTexts({ Image: 'x', ...config }, host), {
      kind: 'invalid',
      message: new RegExp(`^invalid ${field}: "`),
    });
  const processes = { Cmd: ['a\0'], Entrypoint: ['a\0'], Env: ['A=\0'], WorkingDir: '/a\0', User: 'a\nb' };
  for (const [field, value] of Object.entries(processes))
    assert.throws(() => checkProcessTexts({ [field]: value }), {
      kind: 'invalid',
      message: new RegExp(`^invalid ${field}: "`),
    });
});

test('what people write passes: lines in the environment and arguments, names of every alphabet', () => {
  checkProcessTexts({ Cmd: ['sh', '-c', 'a\nb'], Env: ['A=1\n2', 'B='], User: '', WorkingDir: '/a b' });
  checkHostTexts(
    { Image: 'x', Hostname: 'bücher.example.com', Domainname: '' },
    {
      ExtraHosts: ['a:::1', 'b=host-gateway'],
      DnsSearch: ['.', 'example.com'],
      DnsOptions: ['ndots:2'],
      Binds: ['/a b:/c d'],
      Links: null,
    },
  );
});
