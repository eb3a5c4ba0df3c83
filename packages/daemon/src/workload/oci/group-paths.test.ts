import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { groupPaths } from './group-paths.js';

const directory = mkdtempSync(join(tmpdir(), 'noos-groups-'));
after(() => rmSync(directory, { recursive: true }));

test('control groups as runc and as crun write them down', async () => {
  assert.deepEqual(await groupPaths(directory), {});
  writeFileSync(join(directory, 'status'), '{"pid":1,"cgroup-path":"/noos/x"}');
  const found = await groupPaths(directory);
  const unified = existsSync('/sys/fs/cgroup/cgroup.controllers');
  assert.equal(found[unified ? '' : 'memory'], join('/sys/fs/cgroup', unified ? '' : 'memory', 'noos/x'));
  writeFileSync(join(directory, 'status'), '{"pid":1,"cgroup-path":"/"}');
  assert.deepEqual(await groupPaths(directory), {});
  writeFileSync(join(directory, 'state.json'), '{"cgroup_paths":{"pids":"/sys/fs/cgroup/pids/noos/x"}}');
  assert.deepEqual(await groupPaths(directory), { pids: '/sys/fs/cgroup/pids/noos/x' });
});
