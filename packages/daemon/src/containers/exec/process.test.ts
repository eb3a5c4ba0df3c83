import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execProcess, type OciProcess } from './process.js';

const base: OciProcess & { noNewPrivileges: boolean } = {
  args: ['sleep'],
  env: ['PATH=/bin', 'HOSTNAME=web', 'TERM=xterm', 'A=1'],
  cwd: '/srv',
  terminal: true,
  user: { uid: 0, gid: 0, additionalGids: [5] },
  consoleSize: { height: 1, width: 2 },
  capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
  noNewPrivileges: true,
  apparmorProfile: 'docker-default',
};

test("the container's process with the request on top", () => {
  const plain = execProcess(base, {
    command: ['ls', '/'],
    env: ['A=2', 'B=3'],
    workingDirectory: '',
    terminal: false,
  });
  assert.deepEqual(plain, {
    args: ['ls', '/'],
    env: ['PATH=/bin', 'HOSTNAME=web', 'A=2', 'B=3'],
    cwd: '/',
    terminal: false,
    user: base.user,
    capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
    noNewPrivileges: true,
    apparmorProfile: 'docker-default',
  });
});

test('terminal, user, capabilities', () => {
  const user = { uid: 7, gid: 7, additionalGids: [] };
  const process = execProcess(base, {
    command: ['sh'],
    env: ['TERM=vt100'],
    workingDirectory: '/tmp',
    terminal: true,
    user,
    capabilities: ['CAP_KILL', 'CAP_SYS_ADMIN'],
    consoleSize: [24, 80],
  });
  assert.deepEqual(process.consoleSize, { height: 24, width: 80 });
  assert.equal(process.env[0], 'TERM=vt100');
  assert.deepEqual(process.capabilities, {
    bounding: ['CAP_KILL', 'CAP_SYS_ADMIN'],
    effective: [],
    permitted: [],
  });
  assert.equal(process.apparmorProfile, 'docker-default', 'a privileged one is confined as the container is');
});
