/** Noos as people get it: from a registry, without the workspace, without privileges, without a compiler. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../free-port.js';
import { patienceMs, repository } from '../targets.js';
import { type BareUser, bareUser } from './bare-user.js';
import { type Registry, startRegistry } from './registry.js';

const limit = { timeout: 6 * patienceMs };
const { installLimitMb } = (await import(join(repository, 'scripts/pack/packages.mjs'))) as {
  installLimitMb: number;
};

let registry: Registry;
let user: BareUser;
before(async () => {
  execFileSync('node', ['scripts/pack.mjs', '--no-build'], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const modules = join(repository, 'node_modules');
  registry = await startRegistry(join(repository, 'build/packages'), modules, [
    'esbuild',
    '@esbuild/linux-x64',
  ]);
  const settings = {
    npm_config_registry: registry.url,
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
  user = bareUser(['node', 'npm', 'npx', 'sh', 'qemu-system-x86_64'], repository, settings, 3 * patienceMs);
}, limit);
after(() => {
  registry?.close();
  user?.remove();
});

async function succeed(directory: string, ...command: string[]): Promise<string> {
  const { code, out, err } = await user.run(directory, ...command);
  assert.equal(code, 0, `${command.join(' ')}: ${out}${err}`);
  return out;
}

/** Resolves when a line of standard error is an event of this kind. */
async function event(child: ChildProcess, kind: string): Promise<Record<string, unknown>> {
  const other: string[] = [];
  for await (const line of createInterface({ input: child.stderr! })) {
    if (line.startsWith('{')) {
      const value = JSON.parse(line) as Record<string, unknown>;
      if (value.event === kind) return value;
    }
    other.push(line);
  }
  throw new Error(`ended without ${kind}: ${other.join('\n')}`);
}

/** Asks a running service once and stops it. */
async function answerOf(child: ChildProcess, port: number): Promise<string> {
  const closed = once(child, 'close');
  try {
    await event(child, 'started');
    const response = await fetch(`http://127.0.0.1:${port}/path`, {
      signal: AbortSignal.timeout(patienceMs),
    });
    return await response.text();
  } finally {
    child.stdout?.resume();
    child.stderr?.resume();
    process.kill(-child.pid!, 'SIGTERM');
    await closed;
  }
}

const answer = 'Hello from a unikernel, /path\n';

test('the host of these tests is bare', limit, async () => {
  for (const name of ['gcc', 'cc', 'make', 'python3', 'noos'])
    assert.notEqual((await user.run('.', 'sh', '-c', `command -v ${name}`)).code, 0, name);
  assert.notEqual((await user.run('.', 'node', '-e', `fs.readdirSync('${repository}')`)).code, 0);
  assert.match(await succeed('.', 'node', '-p', 'process.getuid()'), /^61234\n$/);
});

describe('npm init noos', () => {
  test('to the first answer', limit, async (t) => {
    const port = await freePort();
    const startMs = performance.now();
    const written = await succeed('.', 'npm', 'init', '--yes', 'noos', 'shop');
    const initMs = performance.now() - startMs;
    assert.match(written, /Now: cd shop && npm install && npm start/);
    await succeed('shop', 'npm', 'install');
    const installMs = performance.now() - startMs - initMs;
    const service = user.start('shop', 'npm', 'start', '--silent', '--', '-p', `${port}:8080`, '--json');
    assert.equal(await answerOf(service, port), answer);
    const totalMs = performance.now() - startMs;
    const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
    t.diagnostic(
      `npm init ${seconds(initMs)}, npm install ${seconds(installMs)}, npm start to the end ${seconds(totalMs - initMs - installMs)}, together ${seconds(totalMs)}`,
    );
  });

  test('takes no more disk than documented, and no scripts, maps or sources', limit, () => {
    const modules = join(user.home, 'shop/node_modules');
    const kib = Number(execFileSync('du', ['-sk', modules], { encoding: 'utf8' }).split('\t')[0]);
    assert.ok(kib * 1024 <= installLimitMb * 1e6, `${kib} KiB`);
    const files = execFileSync('find', [join(modules, 'noos'), join(modules, '@noos'), '-type', 'f'], {
      encoding: 'utf8',
    }).split('\n');
    assert.deepEqual(
      files.filter((path) => /\.map$|\.test\.|[^d]\.ts$/.test(path)),
      [],
    );
    const lock = JSON.parse(readFileSync(join(user.home, 'shop/package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean; version: string }>;
    };
    const scripts = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript);
    assert.deepEqual(
      scripts.map(([path]) => path).filter((path) => path.includes('noos')),
      [],
    );
    assert.ok(!existsSync(join(modules, '@noos/daemon')), 'the container engine is no part of it');
    for (const path of Object.keys(lock.packages).filter((name) =>
      /node_modules\/(@noos\/|noos$)/.test(name),
    ))
      assert.ok(existsSync(join(user.home, 'shop', path, 'THIRD-PARTY')), path);
  });

  test('the types that an editor needs are there', limit, () => {
    execFileSync(join(repository, 'node_modules/.bin/tsc'), ['-p', join(user.home, 'shop')], {
      stdio: 'inherit',
    });
  });

  for (const target of ['node', 'process', 'vm'])
    test(`noos build, then run on ${target}`, limit, async () => {
      if (!existsSync(join(user.home, 'shop/shop.noos')))
        assert.match(await succeed('shop', 'npx', 'noos', 'build'), /shop\.noos/);
      const port = await freePort();
      const words = ['--target', target, '-p', `${port}:8080`, '--json'];
      const service = user.start('shop', 'npx', 'noos', 'run', 'shop.noos', ...words);
      assert.equal(await answerOf(service, port), answer);
    });
});

test('npx noos init makes the same project', limit, async () => {
  await succeed('.', 'npx', '--yes', 'noos', 'init', 'other');
  const manifest = (name: string): string => readFileSync(join(user.home, name, 'package.json'), 'utf8');
  const bare = (text: string) => {
    const { name: _, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return rest;
  };
  assert.deepEqual(bare(manifest('other')), bare(manifest('shop')));
  const again = await user.run('.', 'npx', '--yes', 'noos', 'init', 'other');
  assert.equal(again.code, 2);
  assert.match(again.err, /other is not empty/);
});

test('the container engine is a package to add', limit, async () => {
  const without = await user.run('shop', 'npx', 'noos', 'daemon', '--help');
  assert.equal(without.code, 1);
  assert.match(without.err, /^noos: the container engine is not installed: npm install/);
  await succeed('shop', 'npm', 'install', '@noos/daemon');
  assert.match(await succeed('shop', 'npx', 'noos', 'daemon', '--help'), /Usage: noos daemon/);
  const loads = `import('@noos/linux').then(({ openPipe }) => console.log(typeof openPipe()))`;
  assert.equal(await succeed('shop', 'node', '-e', loads), 'object\n');
});

test('nothing was asked for that is not published, but other systems’ variants of esbuild', limit, () => {
  assert.deepEqual(
    [...registry.missing].filter((name) => !name.startsWith('@esbuild/')),
    [],
  );
});
