/** The engine: version, information, events, disk usage, what belongs to a swarm. */
import assert from 'node:assert/strict';
import type { Commands } from './commands.js';

export async function systemCommands(docker: Commands): Promise<void> {
  const { image, modern } = docker;
  await docker('version', /Server:(.|\n)*API version: +1\.\d+ \(minimum version 1\.\d+\)/);
  const negotiated = await docker("version --format '{{.Client.APIVersion}} {{.Server.APIVersion}}'");
  assert.match(negotiated, /^1\.\d+ 1\.\d+$/);
  await docker('info', /Storage Driver: overlay2(.|\n)*Cgroup Driver: cgroupfs/);
  await docker(
    "info --format '{{.Driver}} {{.OSType}} {{.Swarm.LocalNodeState}}'",
    'overlay2 linux inactive',
  );
  await docker('system info', /Containers: 0/);
  await docker(
    'system df',
    /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +\d+ +\d+ .*\nContainers +0 .*\nLocal Volumes +0 .*\nBuild Cache/,
  );
  await docker(
    'system df -v',
    /Images space usage:(.|\n)*Containers space usage:(.|\n)*Local Volumes space usage:/,
  );
  await docker(
    "system df --format '{{.Type}}: {{.TotalCount}}'",
    /^Images: \d+\nContainers: 0\nLocal Volumes: 0\nBuild Cache: \d+\n$/,
  );

  // Not whole seconds: the command line before may have ended in this one.
  const begun = (Date.now() / 1000).toFixed(3);
  await docker(`run --rm --name seen --label colour=red ${image} true`);
  await docker('volume create noted');
  await docker('volume rm noted');
  const soon = Math.floor(Date.now() / 1000) + 1;
  const window = `--since ${begun} --until ${soon}`;
  await docker(
    `events ${window} --filter container=seen --format '{{.Action}}'`,
    /^create\nattach\nstart\ndie\n(destroy)?/,
  );
  await docker(
    `events ${window} --filter type=volume --format '{{.Actor.ID}} {{.Action}}'`,
    'noted create\nnoted destroy',
  );
  await docker(
    `events ${window} --filter event=die`,
    /container die [0-9a-f]{64} \(.*colour=red.*exitCode=0.*image=.*name=seen\)\n/,
  );
  await docker(
    `events ${window} --filter type=network --format '{{.Action}} {{.Actor.Attributes.name}}'`,
    'connect bridge\ndisconnect bridge',
  );
  await docker(`events ${window} --filter label=colour=blue`, '');
  await docker(
    `system events ${window} --filter label=colour=red --format '{{json .}}'`,
    /"Action":"create"/,
  );

  const inactive = /This node is not a swarm manager/;
  for (const line of [
    'node ls',
    'service ls',
    'secret ls',
    'config ls',
    'stack ls',
    'swarm join-token worker',
  ])
    await docker(line, { code: 1, err: inactive });
  await docker('swarm leave', { code: 1, err: /This node is not part of a swarm/ });
  await docker('plugin ls', /^ID +NAME +DESCRIPTION +ENABLED\n$/);
  await docker('container ls -aq', '');
  await docker(`create --name stale ${image}`);
  await docker('network create stale');
  await docker(
    'system prune -f',
    /^Deleted Containers:\n[0-9a-f]{64}\n\nDeleted Networks:\nstale\n\n(.|\n)*Total reclaimed space: \d+/,
  );
  await docker('builder prune -f', /Total(.*):\s+\d+/);
  await docker(`wait nosuch`, { code: 1, err: /No such container: nosuch/ });
  await docker(`port nosuch`, { code: 1, err: /No such container: nosuch/ });
  assert.ok(modern || negotiated.startsWith('1.41'));
}
