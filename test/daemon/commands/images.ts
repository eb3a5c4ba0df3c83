/** Images: names, archives, a registry, search. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../free-port.js';
import { type Commands, until } from './commands.js';

/** Debian's registry with its own store; wants the user `user` with the password `secret`. */
export async function startRegistry(docker: Commands): Promise<{ address: string; stop(): Promise<void> }> {
  const directory = join(docker.daemon.scratch, `registry-${docker.modern}`);
  mkdirSync(directory, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const { stdout } = await docker.daemon.run('htpasswd', ['-Bbn', 'user', 'secret']);
  writeFileSync(join(directory, 'users'), stdout);
  const configuration = join(directory, 'config.yml');
  writeFileSync(
    configuration,
    `version: 0.1
storage: {filesystem: {rootdirectory: ${directory}/store}, delete: {enabled: true}}
http: {addr: "${address}"}
auth: {htpasswd: {realm: test, path: ${directory}/users}}
`,
  );
  const child: ChildProcess = spawn('docker-registry', ['serve', configuration], { stdio: 'ignore' });
  await until(() => fetch(`http://${address}/v2/`).then(({ status }) => `${status}`, String), /^401$/);
  return {
    address,
    async stop() {
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    },
  };
}

export async function imageCommands(docker: Commands): Promise<void> {
  const { image, modern, daemon } = docker;
  const [repository, tag] = image.split(':');
  await docker(
    'images',
    new RegExp(`^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE\\n(.|\\n)*${repository} +${tag} +[0-9a-f]{12} `),
  );
  await docker(`images -q --no-trunc ${image}`, /^sha256:[0-9a-f]{64}\n$/);
  await docker(`images --filter reference=${repository}:* --format '{{.Repository}}:{{.Tag}}'`, image);
  await docker('images nosuch', /^REPOSITORY .*\n$/);
  await docker('image ls -q', /^[0-9a-f]{12}\n/);
  await docker(
    `image inspect --format '{{index .RepoTags 0}} {{.Os}} {{.RootFS.Type}} {{json .Config.Cmd}}' ${image}`,
    `${image} linux layers ["sh"]`,
  );
  await docker('image inspect nosuch', { code: 1, err: /No such image: nosuch/ });
  await docker(`history --no-trunc -q ${image}`, /^sha256:[0-9a-f]{64}\n$/);
  await docker(
    `history ${image}`,
    /^IMAGE +CREATED +CREATED BY +SIZE +COMMENT\n[0-9a-f]{12} .*Imported from -\n$/,
  );
  await docker(`tag ${image} test/other:a`);
  await docker(`tag ${image} test/other`);
  await docker('tag nosuch test/x', { code: 1, err: /No such image: nosuch/ });
  await docker(`tag ${image} 'test/UPPER'`, { code: 1, err: /must be lowercase/ });
  await docker(`tag ${image} 'test/a:b:c'`, { code: 1, err: /invalid reference format/ });
  await docker("images test/other --format '{{.Tag}}'", /^(a\nlatest|latest\na)\n$/);
  await docker('rmi test/other:a', 'Untagged: test/other:a');
  await docker('rmi test/other:a', { code: 1, err: /No such image: test\/other:a/ });
  await docker('image rm test/other', 'Untagged: test/other:latest');
  await docker(`create --name user ${image}`);
  await docker(`rmi ${image}`, {
    code: 1,
    err: /conflict: unable to remove repository reference .* \(must force\) - container [0-9a-f]{12} is using its referenced image [0-9a-f]{12}/,
  });
  await docker('rm user', 'user');

  const archive = join(daemon.scratch, `saved-${modern}.tar`);
  await docker(`tag ${image} test/saved:1`);
  await docker(`save -o ${archive} test/saved:1 ${image}`);
  await docker('rmi test/saved:1', 'Untagged: test/saved:1');
  await docker(`load -i ${archive}`, /Loaded image: test\/saved:1\n/);
  await docker('run --rm test/saved:1 echo loaded', 'loaded');
  await docker('load', { input: 'no archive', code: 1, err: /./ });
  await docker('save nosuch', { code: 1, err: /No such image: nosuch|reference does not exist/ });
  const skopeo = await daemon.run('skopeo', [
    'inspect',
    '--format',
    '{{.Os}}',
    `docker-archive:${archive}:test/saved:1`,
  ]);
  assert.equal(skopeo.stdout.trim(), 'linux', skopeo.stderr);

  const registry = await startRegistry(docker);
  try {
    await registryCommands(docker, registry.address);
  } finally {
    await registry.stop();
  }
  await docker('rmi test/saved:1', 'Untagged: test/saved:1');
  await docker('image prune -f', /Total reclaimed space: \d+/);
}

async function registryCommands(docker: Commands, address: string): Promise<void> {
  const { daemon } = docker;
  const remote = `${address}/team/app`;
  await docker(`tag test/saved:1 ${remote}:1`);
  await docker(`push ${remote}:1`, { code: 1, err: /no basic auth credentials|authentication required/ });
  await docker(`login -u user -p wrong ${address}`, {
    code: 1,
    err: /unauthorized: authentication required|401 Unauthorized/,
  });
  await docker(`login -u user --password-stdin ${address}`, { input: 'secret', out: /Login Succeeded/ });
  await docker(`push ${remote}:1`, /: Pushed\n(.|\n)*1: digest: sha256:[0-9a-f]{64} size: \d+\n/);
  await docker(`push ${remote}:1`, /: Layer already exists\n/);
  await docker(`push ${remote}:none`, {
    code: 1,
    err: /An image does not exist locally with the tag: |tag does not exist: /,
  });
  const foreign = await daemon.run('skopeo', [
    'inspect',
    '--tls-verify=false',
    '--creds',
    'user:secret',
    '--format',
    '{{.Digest}}',
    `docker://${remote}:1`,
  ]);
  const digest = foreign.stdout.trim();
  assert.match(digest, /^sha256:[0-9a-f]{64}$/, foreign.stderr);
  await docker(`image inspect --format '{{json .RepoDigests}}' ${remote}:1`, new RegExp(digest));
  await docker(`rmi ${remote}:1`, new RegExp(`Untagged: ${remote}:1\nUntagged: ${remote}@${digest}`));
  await docker(
    `pull ${remote}:1`,
    new RegExp(
      `1: Pulling from team/app\\n(.|\\n)*Digest: ${digest}\\nStatus: Downloaded newer image for ${remote}:1\\n${remote}:1\\n`,
    ),
  );
  await docker(`pull ${remote}:1`, new RegExp(`Status: Image is up to date for ${remote}:1`));
  await docker(`pull -q ${remote}@${digest}`, `${remote}@${digest}`);
  await docker(`images --digests ${remote}`, new RegExp(digest));
  await docker(`pull ${remote}:2`, { code: 1, err: /manifest (for .* not found: manifest unknown|unknown)/ });
  await docker(`pull ${address}/none`, { code: 1, err: /./ });
  await docker(`run --rm --pull always ${remote}:1 echo pulled`, { out: /pulled/ });
  await docker(`manifest inspect --insecure ${remote}:1`, {
    out: /"schemaVersion": 2/,
    env: { DOCKER_CLI_EXPERIMENTAL: 'enabled' },
  });
  await docker(`rmi -f ${remote}:1 ${remote}@${digest}`, /Untagged: /);
  await docker(`logout ${address}`, new RegExp(`Removing login credentials for ${address}`));
  await docker(`pull ${remote}:1`, {
    code: 1,
    err: /no basic auth credentials|authentication required|unauthorized/,
  });
  await docker('pull 127.0.0.1:1/nobody', { code: 1, err: /connection refused/ });
}
