/** What is read of the host and its programs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitWarnings, parseOsRelease, readHostFacts } from './host-facts.js';
import { parseToolVersion } from './tool-versions.js';

test('os-release: quotes of both kinds and none', () => {
  const text = 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nNAME=\'x y\'\n# comment\nVERSION_ID="12"\n';
  const system = parseOsRelease(text);
  assert.deepEqual(
    [...system],
    [
      ['PRETTY_NAME', 'Debian GNU/Linux 12'],
      ['ID', 'debian'],
      ['NAME', 'x y'],
      ['VERSION_ID', '12'],
    ],
  );
});

test('versions of programs', () => {
  assert.deepEqual(parseToolVersion('runc version 1.1.5+ds1\ncommit: 1.1.5-1\nspec: 1.0.2\n'), {
    version: '1.1.5+ds1',
    commit: '1.1.5-1',
  });
  assert.deepEqual(parseToolVersion('conmon version 2.1.6\ncommit: unknown\n'), {
    version: '2.1.6',
    commit: '',
  });
  assert.deepEqual(parseToolVersion('tini version 0.19.0 - git.de40ad0'), {
    version: '0.19.0',
    commit: 'de40ad0',
  });
});

test('what the kernel lacks is warned about', () => {
  const { cgroups } = readHostFacts();
  const all = { ...cgroups, version: '1' as const, oomKillDisable: true };
  for (const name of [
    'memory',
    'swap',
    'cpuCfsQuota',
    'cpuCfsPeriod',
    'cpuShares',
    'cpuset',
    'pids',
  ] as const)
    all[name] = true;
  assert.deepEqual(limitWarnings(all, true), []);
  assert.deepEqual(limitWarnings({ ...all, swap: false }, false), [
    'WARNING: No swap limit support',
    'WARNING: IPv4 forwarding is disabled',
  ]);
  assert.deepEqual(limitWarnings({ ...all, oomKillDisable: false, version: '2' }, true), []);
});
