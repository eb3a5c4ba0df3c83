import assert from 'node:assert/strict';
import { test } from 'node:test';
import { membershipFiles } from './migration-lock.js';

test('the groups a process is in, on v1, hybrid and v2 hosts', () => {
  assert.deepEqual(
    membershipFiles('9:name=systemd:/user.slice\n8:cpu,cpuacct:/a:b\n1:pids:/\n0::/init.scope\n'),
    [
      '/sys/fs/cgroup/cpu,cpuacct/a:b/cgroup.procs',
      '/sys/fs/cgroup/pids/cgroup.procs',
      '/sys/fs/cgroup/init.scope/cgroup.procs',
    ],
  );
  assert.deepEqual(membershipFiles('0::/system.slice/noos.service\n'), [
    '/sys/fs/cgroup/system.slice/noos.service/cgroup.procs',
  ]);
  assert.deepEqual(membershipFiles(''), []);
});
