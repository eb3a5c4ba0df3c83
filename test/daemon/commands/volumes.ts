/** Volumes and mounts. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Commands } from './commands.js';

export async function volumeCommands(docker: Commands): Promise<void> {
  const { image, modern } = docker;
  await docker('volume create', /^[0-9a-f]{64}\n$/);
  await docker('volume create --label purpose=test --label other= data', 'data');
  await docker('volume create data', 'data');
  await docker(
    "volume inspect --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Labels.purpose}}' data",
    'data local local test',
  );
  await docker('volume inspect data', /"Mountpoint": "\/.*\/volumes\/data\/_data"/);
  await docker('volume ls', /^DRIVER +VOLUME NAME\n(local +([0-9a-f]{64}|data)\n){2}$/);
  await docker('volume ls -q -f name=dat', 'data');
  await docker('volume ls -q -f label=purpose=test', 'data');
  await docker('volume ls -q -f label=purpose=none', '');
  await docker(
    "volume ls --format '{{.Name}}:{{.Labels}}' -f name=data",
    /^data:(purpose=test,other=|other=,purpose=test)\n$/,
  );
  await docker('volume create x', {
    code: 1,
    err: /volume name is too short, names should be at least two alphanumeric characters/,
  });
  await docker('volume create a@b', {
    code: 1,
    err: /create a@b: "a@b" includes invalid characters for a local volume name, only "\[a-zA-Z0-9\]\[a-zA-Z0-9_.-\]" are allowed/,
  });
  await docker('volume create --opt colour=red odd', { code: 1, err: /invalid option: "?colour"?/ });
  await docker('volume create --driver nosuch odd', { code: 1, err: /plugin "nosuch" not found/ });
  await docker('volume inspect nosuch', { code: 1, err: /[nN]o such volume/ });
  await docker('volume rm nosuch', { code: 1, err: /[nN]o such volume/ });
  await docker('volume rm -f nosuch', 'nosuch');

  await docker(`run --rm -v data:/data ${image} sh -c 'echo kept > /data/file'`, '');
  await docker(`run --rm -v data:/data:ro ${image} cat /data/file`, 'kept');
  await docker(`run --rm -v data:/data:ro ${image} touch /data/new`, {
    code: 1,
    err: /Read-only file system/,
  });
  await docker(
    `run -d --name holder -v data:/data -v /anonymous --tmpfs /t:size=1m ${image} sleep 600`,
    /^[0-9a-f]{64}/,
  );
  await docker(`run --rm --volumes-from holder:ro ${image} cat /data/file`, 'kept');
  await docker(
    "inspect --format '{{range .Mounts}}{{.Type}} {{.Destination}} {{.Mode}} {{.RW}};{{end}}' holder",
    /volume \/data z true;/,
  );
  await docker('exec holder df -k /t', /tmpfs +1024 /);
  await docker('volume rm data', { code: 1, err: /remove data: volume is in use - \[[0-9a-f]{64}\]/ });
  await docker('volume ls -q -f dangling=true', /^[0-9a-f]{64}\n$/);
  await docker('volume prune -f', /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/);
  await docker('rm -fv holder', 'holder');
  await docker('volume ls -q', 'data');
  await docker(
    `run --rm --mount type=tmpfs,dst=/m,tmpfs-size=2m,tmpfs-mode=700 ${image} sh -c 'df -k /m; stat -c %a /m'`,
    /tmpfs +2048 .*\n700\n/,
  );
  await docker(`run --rm --mount type=volume,src=data,dst=/m,readonly ${image} cat /m/file`, 'kept');
  if (modern) {
    await docker(`run --rm --mount type=volume,src=data,dst=/m ${image} mkdir -p /m/sub/deep`);
    await docker(`run --rm --mount type=volume,src=data,dst=/m,volume-subpath=sub ${image} ls /m`, 'deep');
    await docker(`run --rm --mount type=volume,src=data,dst=/m,volume-subpath=../x ${image} ls /m`, {
      code: 125,
      err: /subpath must be a relative path within the volume/,
    });
  }

  const host = join(docker.daemon.scratch, 'host');
  mkdirSync(host, { recursive: true });
  writeFileSync(join(host, 'file'), 'from host\n');
  await docker(`run --rm -v ${host}:/h ${image} sh -c 'cat /h/file; echo back > /h/new'`, 'from host');
  if (readFileSync(join(host, 'new'), 'utf8') !== 'back\n') throw new Error('not written to the host');
  await docker(`run --rm -v ${host}/made:/h ${image} ls -A /h`, '');
  await docker(`run --rm -v ${host}/file:/etc/one:ro ${image} cat /etc/one`, 'from host');
  await docker(`run --rm --mount type=bind,src=${host},dst=/h,ro ${image} touch /h/x`, {
    code: 1,
    err: /Read-only file system/,
  });
  await docker(`run --rm --mount type=bind,src=${host}/none,dst=/h ${image} true`, {
    code: 125,
    err: new RegExp(`invalid mount config for type "bind": bind source path does not exist: ${host}/none`),
  });
  await docker(`run --rm -v ${host}:/h -v data:/h ${image} true`, {
    code: 125,
    err: /Duplicate mount point: \/h/,
  });
  await docker(`run --rm -v ${host}:/ ${image} true`, {
    code: 125,
    err: /invalid (volume )?specification.*: .*destination can't be '\/'/,
  });
  await docker(`run --rm -v ${host}:/h:blue ${image} true`, { code: 125, err: /invalid mode: blue/ });
  await docker(`run --rm --volumes-from nosuch ${image} true`, {
    code: 125,
    err: /No such container: nosuch/,
  });

  await docker('volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m,uid=1000 memory', 'memory');
  await docker(
    `run --rm -v memory:/m ${image} sh -c 'df -k /m | tail -n 1; stat -c %u /m'`,
    /^tmpfs +1024 .*\n1000\n$/,
  );
  await docker(`volume create --opt type=none --opt device=${host} --opt o=bind bound`, 'bound');
  await docker(`run --rm -v bound:/m ${image} cat /m/file`, 'from host');
  await docker('volume rm memory bound', 'memory\nbound');
  await docker(
    modern ? 'volume prune -af' : 'volume prune -f',
    /Deleted Volumes:\ndata\n\nTotal reclaimed space: \d+B/,
  );
  await docker('volume ls -q', '');
}
