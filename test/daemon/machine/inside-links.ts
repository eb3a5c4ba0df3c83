/**
 * Runs in a machine of its own (machine.ts): networks and volumes of kinds that need more of the kernel than other
 * machines may have, VLANs (802.1Q) and NFS.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { startDaemon } from '../daemon.js';
import { busyboxImage, loadImages } from '../images.js';

const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());

test('macvlan on a VLAN sub-interface, which is made and removed with the network', async () => {
  run('modprobe', '8021q');
  // Two ends of a cable; at the other one a machine in VLAN 30.
  run('ip', 'link', 'add', 'eth7', 'type', 'veth', 'peer', 'name', 'far7');
  for (const name of ['eth7', 'far7']) run('ip', 'link', 'set', name, 'up');
  run('ip', 'link', 'add', 'link', 'far7', 'name', 'far7.30', 'type', 'vlan', 'id', '30');
  run('ip', 'addr', 'add', '10.88.0.1/24', 'dev', 'far7.30');
  run('ip', 'link', 'set', 'far7.30', 'up');
  const create = (parent: string, name: string, ...words: string[]) =>
    daemon.ok('network', 'create', '-d', 'macvlan', '-o', `parent=${parent}`, ...words, name);
  await create('eth7.30', 'in30', '--subnet', '10.88.0.0/24', '--gateway', '10.88.0.1');
  await create('eth7.31', 'in31', '--subnet', '10.89.0.0/24');
  assert.match(run('ip', '-d', 'link', 'show', 'eth7.30'), /vlan protocol 802\.1Q id 30/);
  const ping = (network: string, address: string) =>
    daemon.docker('run', '--rm', '--network', network, 'busybox', 'ping', '-c', '1', '-w', '5', address);
  assert.equal((await ping('in30', '10.88.0.1')).code, 0);
  run('ip', 'addr', 'add', '10.89.0.77/24', 'dev', 'far7.30');
  assert.equal((await ping('in31', '10.89.0.77')).code, 1, 'another VLAN is another network');
  await daemon.ok('network', 'rm', 'in30', 'in31');
  assert.doesNotMatch(run('ip', 'link'), /eth7\.3/);
});

test('a volume over NFS', async () => {
  run('modprobe', '-a', 'nfsd', 'nfsv4');
  const exported = '/run/exported';
  for (const path of [exported, '/var/lib/nfs/v4recovery']) mkdirSync(path, { recursive: true });
  run('mount', '-t', 'tmpfs', 'tmpfs', exported);
  writeFileSync(`${exported}/greeting`, 'from the server\n');
  for (const name of ['etab', 'rmtab']) writeFileSync(`/var/lib/nfs/${name}`, '');
  if (!existsSync('/proc/fs/nfsd/versions')) run('mount', '-t', 'nfsd', 'nfsd', '/proc/fs/nfsd');
  writeFileSync('/etc/exports', `${exported} *(rw,no_root_squash,insecure,fsid=0,no_subtree_check)\n`);
  run('exportfs', '-ra');
  // Clients of an earlier server would have this long to come back; nobody may open a file before.
  run('rpc.nfsd', '-N', '3', '-V', '4', '--lease-time', '10', '--grace-time', '10', '2');
  const server = spawn('rpc.mountd', ['-F'], { stdio: 'ignore' });
  after(() => server.kill());

  const options = ['-o', 'type=nfs', '-o', 'o=addr=localhost,nfsvers=4,soft', '-o'];
  await daemon.ok('volume', 'create', ...options, 'device=:/', 'shared');
  const inside = 'cat /x/greeting; echo from a container > /x/answer; mount';
  const seen = await daemon.ok('run', '--rm', '-v', 'shared:/x', 'busybox', 'sh', '-c', inside);
  assert.match(seen, /^from the server$/m);
  assert.match(seen, /^:\/ on \/x type nfs4 \(.*addr=127\.0\.0\.1/m);
  assert.equal(readFileSync(`${exported}/answer`, 'utf8'), 'from a container\n');
  assert.doesNotMatch(run('mount', '-t', 'nfs4'), /nfs/, 'mounted only while it is used');

  await daemon.ok('volume', 'create', ...options, 'device=:/missing', 'wrong');
  const wrong = await daemon.docker('run', '--rm', '-v', 'wrong:/x', 'busybox', 'true');
  // The command line takes every "no such file" for a missing command.
  assert.equal(wrong.code, 127);
  assert.match(
    wrong.stderr,
    /failed to mount local volume: mount :\/missing:\S+\/wrong\/_data, data: .*no such file/,
  );
  await daemon.ok('volume', 'rm', 'shared', 'wrong');
});
