/** The command line: what it makes, and what it says when something is wrong. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { imageHeader } from '@noos/abi';
import { assertAnswers } from './answers.js';
import { freePort } from './free-port.js';
import { imageOf, patienceMs, repository, scratch } from './targets.js';

const bin = join(repository, 'packages/cli/bin/noos.mjs');
const limit = { timeout: 4 * patienceMs };
const work = mkdtempSync(join(scratch, 'cli-'));
const temporary = join(work, 'tmp');
mkdirSync(temporary, { mode: 0o777 });

const environment = {
  ...process.env,
  TMPDIR: temporary,
  XDG_CACHE_HOME: join(work, 'cache'),
  NO_COLOR: '1',
  NODE_NO_WARNINGS: '1',
};

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs a command to its end. */
function run(
  command: string,
  commandArguments: string[],
  options: { cwd?: string; env?: object } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      command,
      commandArguments,
      { cwd: options.cwd ?? work, env: { ...environment, ...options.env }, timeout: 3 * patienceMs },
      (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}

const noos = (...commandArguments: string[]): Promise<Outcome> =>
  run(process.execPath, [bin, ...commandArguments]);

/** Writes a file below the working directory and returns its path. */
function file(name: string, text: string): string {
  mkdirSync(join(work, name, '..'), { recursive: true });
  writeFileSync(join(work, name), text);
  return join(work, name);
}

/** One line on standard error, the code, and nothing left behind. */
function assertRefused(outcome: Outcome, code: number, message: RegExp): void {
  assert.match(outcome.err, message);
  assert.equal(outcome.err.trimEnd().split('\n').length, 1, outcome.err);
  assert.match(outcome.err, /^noos: /);
  assert.equal(outcome.code, code);
  assert.deepEqual(readdirSync(temporary), []);
}

const deviceNames = (): string[] =>
  (JSON.parse(execFileSync('ip', ['-json', 'link'], { encoding: 'utf8' })) as { ifname: string }[]).map(
    ({ ifname }) => ifname,
  );

/** Processes whose command line names the working directory. */
const leftOver = (): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ');
        return line.includes(work) && Number(name) !== process.pid ? [line] : [];
      } catch {
        return [];
      }
    });

/** A free TCP port. */
function start(...commandArguments: string[]): ChildProcess {
  return spawn(process.execPath, [bin, ...commandArguments], {
    cwd: work,
    env: environment,
    stdio: 'ignore',
  });
}

const hello = "export default { fetch: () => new Response('hello\\n') };\n";
let image: string;
before(async () => {
  image = await imageOf('examples/hello/app.ts');
});

describe('help', () => {
  test('of every command, and the version', limit, async () => {
    const all = await noos('--help');
    assert.equal(all.code, 0);
    for (const command of ['init', 'build', 'run', 'inspect', 'doctor']) {
      assert.match(all.out, new RegExp(`^ {2}${command}`, 'm'));
      const one = await noos(command, '--help');
      assert.equal(one.code, 0);
      assert.match(one.out, new RegExp(`^Usage: noos ${command}`));
    }
    const { version } = JSON.parse(readFileSync(join(repository, 'packages/cli/package.json'), 'utf8')) as {
      version: string;
    };
    assert.deepEqual(await noos('--version'), { code: 0, out: `${version}\n`, err: '' });
  });

  test('an unknown command or option is wrong use', limit, async () => {
    for (const commandArguments of [
      ['fly'],
      ['run', '--fast'],
      ['inspect'],
      ['run', '--memory', 'much'],
      ['run', '--env', '=x'],
    ]) {
      const { code, err } = await noos(...commandArguments);
      assert.equal(code, 2, commandArguments.join(' '));
      assert.match(err, /^error: /);
    }
  });
});

describe('init, build, run, inspect', () => {
  test('a new application runs at once, and from the cache the second time', limit, async () => {
    const made = await noos('init', 'my-service');
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /src\/main\.ts/);
    const port = await freePort();
    for (const round of ['built', 'cached']) {
      const child = start('run', 'my-service', '-p', `127.0.0.1:${port}:8080`);
      try {
        await assertAnswers(`http://127.0.0.1:${port}/${round}`, `Hello from a unikernel, /${round}\n`);
      } finally {
        child.kill('SIGTERM');
      }
      assert.deepEqual(await once(child, 'exit'), [0, null]);
    }
    assert.equal(readdirSync(join(work, 'cache/noos')).filter((name) => name.endsWith('.noos')).length, 1);
    assert.equal((await noos('init', 'my-service')).code, 2);
  });

  test('build writes one image and its source map, the same bytes each time', limit, async () => {
    file('same/app.ts', hello);
    const built = await noos('build', 'same/app.ts', '-o', 'same.noos');
    assert.equal(built.code, 0, built.err);
    assert.match(built.out, /same\.noos .*KiB, built in/);
    assert.match(built.out, /engine memory/);
    const first = readFileSync(join(work, 'same.noos'));
    assert.equal((await noos('build', 'same/app.ts', '-o', 'same.noos')).code, 0);
    assert.ok(first.equals(readFileSync(join(work, 'same.noos'))));
    assert.ok(existsSync(join(work, 'same.noos.map')));
  });

  test('inspect lists parts and layers', limit, async () => {
    const { out, code } = await noos('inspect', image, '--compare');
    assert.equal(code, 0);
    for (const wanted of [
      /^name +app/m,
      /engine memory/,
      /runtime\/http/,
      /shared libraries +absent/,
      /container runtime +absent/,
    ])
      assert.match(out, wanted);
    const parsed = JSON.parse((await noos('inspect', image, '--compare', '--json')).out) as {
      bytes: number;
      layers: { layer: string; image?: unknown }[];
    };
    assert.equal(parsed.bytes, readFileSync(image).length);
    assert.equal(parsed.layers.find(({ layer }) => layer === 'OS processes')?.image, undefined);
  });

  test('doctor says which targets can run', limit, async () => {
    const findings = JSON.parse((await noos('doctor', '--json')).out) as { what: string; ok: boolean }[];
    assert.deepEqual(
      findings.map(({ what, ok }) => [what, ok]),
      [
        ['target node', true],
        ['target process', true],
        ['target vm', true],
        ['TAP devices', true],
      ],
    );
  });

  test('--json tells of every event, a line each; --probe of the first answer', limit, async () => {
    const child = spawn(
      process.execPath,
      [bin, 'run', image, '-p', '127.0.0.1:0:8080', '--probe', '--json'],
      {
        cwd: work,
        env: environment,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let text = '';
    for await (const chunk of child.stderr) {
      text += chunk;
      if (text.includes('firstAnswer')) child.kill('SIGINT');
    }
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; status?: number; code?: number });
    assert.deepEqual(
      events.map(({ event }) => event),
      ['started', 'firstAnswer', 'exited'],
    );
    assert.equal(events[1]?.status, 200);
    assert.equal(events[2]?.code, 0);
  });
});

describe('what is wrong is said in one line', () => {
  test('unknown target', limit, async () =>
    assertRefused(
      await noos('run', image, '--target', 'moon'),
      2,
      /unknown target moon: choose node, process or vm/,
    ),
  );

  test('missing port', limit, async () =>
    assertRefused(
      await noos('run', image, '-p', '8080'),
      2,
      /port of the guest is missing; write -p \[HOSTIP:\]HOST:GUEST/,
    ),
  );

  test('options that do not go together', limit, async () => {
    assertRefused(await noos('run', image, '--tap', 'noos9', '-p', '1:1'), 2, /leave out -p, or --tap/);
    assertRefused(await noos('run', image, '--gateway', '10.0.0.1'), 2, /add --ip/);
    assertRefused(await noos('run', image, '--ip', '10.0.0.2'), 2, /no prefix length/);
    assertRefused(await noos('run', image, '--network', 'here'), 2, /not a network: here/);
  });

  test('nothing there, and a file that is no image', limit, async () => {
    assertRefused(await noos('run', 'absent.ts'), 2, /there is no absent\.ts/);
    mkdirSync(join(work, 'empty'), { recursive: true });
    assertRefused(await noos('run', 'empty'), 2, /empty has no src\/main\.ts/);
    file('text.noos', 'not an image');
    assertRefused(await noos('run', 'text.noos'), 4, /text\.noos: not a Noos image: build one with/);
    assertRefused(await noos('inspect', 'absent.noos'), 4, /cannot read absent\.noos/);
  });

  for (const target of ['node', 'process', 'vm']) {
    test(`image of another version, target ${target}`, limit, async () => {
      const bytes = readFileSync(image);
      bytes.writeUInt32LE(99, imageHeader.abiVersion[0]);
      writeFileSync(join(work, 'version.noos'), bytes);
      assertRefused(
        await noos('run', 'version.noos', '--target', target),
        4,
        /version\.noos: the image was built for platform interface 99.*build it again/,
      );
    });

    test(`image with a flipped byte, target ${target}`, limit, async () => {
      const bytes = readFileSync(image);
      for (const at of [bytes.length >> 1, bytes.length - 1, 200]) {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= 1;
        writeFileSync(join(work, 'flipped.noos'), damaged);
        assertRefused(
          await noos('run', 'flipped.noos', '--target', target),
          4,
          /flipped\.noos: .*digest.*build it again/,
        );
      }
    });
  }

  test('TypeScript that does not compile: file and line', limit, async () => {
    file('bad/app.ts', `const fine = 1;\nexport default { fetch() { return fine +; } };\n`);
    assertRefused(await noos('build', 'bad/app.ts', '-o', 'bad.noos'), 3, /app\.ts:2:\d+: /);
    assertRefused(await noos('run', 'bad/app.ts'), 3, /app\.ts:2:\d+: /);
    assert.ok(!existsSync(join(work, 'bad.noos')));
  });

  test('an application without a fetch handler', limit, async () => {
    file('none/app.ts', 'export const x = 1;\n');
    assertRefused(await noos('run', 'none/app.ts'), 3, /no default export: write .export default \{ fetch/);
  });

  test('a top level that throws at build', limit, async () => {
    file('throws/app.ts', `function boom(): never {\n  throw new Error('boom');\n}\nboom();\n${hello}`);
    assertRefused(
      await noos('run', 'throws/app.ts'),
      3,
      /app\.ts:2:\d+: the top level threw Error: boom: correct it, or use --no-snapshot/,
    );
  });

  test('a top level that starts a timer', limit, async () => {
    file('timer/app.ts', `setTimeout(() => {}, 1);\n${hello}`);
    assertRefused(
      await noos('run', 'timer/app.ts'),
      3,
      /app\.ts:1:1: setTimeout\(\) was called by the top level/,
    );
  });

  test('a default export without a fetch handler', limit, async () => {
    file('empty/app.ts', 'export default {};\n');
    assertRefused(await noos('run', 'empty/app.ts'), 3, /^noos: the application has no fetch handler: write/);
  });

  for (const target of ['node', 'process', 'vm'])
    test(`port in use, target ${target}`, limit, async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await once(taken, 'listening');
      const { port } = taken.address() as AddressInfo;
      assertRefused(
        await noos('run', image, '--target', target, '-p', `127.0.0.1:${port}:8080`),
        5,
        new RegExp(`port 127\\.0\\.0\\.1:${port}/tcp is in use: .*another one`),
      );
      taken.close();
      assert.deepEqual(leftOver(), []);
    });

  test('no permission for a TAP device', limit, async () => {
    const copy = join('/var/tmp', `noos-test-${process.pid}.noos`);
    writeFileSync(copy, readFileSync(image), { mode: 0o644 });
    try {
      const unprivileged = (...commandArguments: string[]): Promise<Outcome> =>
        run(
          'setpriv',
          ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, bin, ...commandArguments],
          { cwd: '/' },
        );
      const before = deviceNames();
      for (const target of ['node', 'process', 'vm'])
        assertRefused(
          await unprivileged('run', copy, '--target', target, '--tap', 'noostest0'),
          5,
          /no permission to make TAP device noostest0: run as root, or have root make it: ip tuntap add/,
        );
      assert.deepEqual(deviceNames(), before);
    } finally {
      rmSync(copy);
    }
  });

  test('missing QEMU', limit, async () =>
    assertRefused(
      await run(process.execPath, [bin, 'run', image, '--target', 'vm'], { env: { PATH: '/nowhere' } }),
      5,
      /qemu-system-x86_64 is not installed: apt-get install qemu-system-x86/,
    ),
  );

  for (const target of ['process', 'vm'])
    test(`native runtime not built, target ${target}`, limit, async () => {
      // In a mount namespace of its own the build directory is empty.
      const build = join(repository, 'packages/native/build');
      const script = 'mount -t tmpfs none "$0" && exec "$@"';
      assertRefused(
        await run('unshare', [
          '-m',
          'sh',
          '-c',
          script,
          build,
          process.execPath,
          bin,
          'run',
          image,
          '--target',
          target,
        ]),
        5,
        /is not built: run npm run setup && npm run build:native/,
      );
    });
});

describe('nothing is left behind', () => {
  for (const target of ['node', 'process', 'vm'])
    for (const [how, signal] of [
      ['stopped', 'SIGTERM'],
      ['killed', 'SIGKILL'],
    ] as const)
      test(`${target}, over a TAP device, ${how}`, limit, async () => {
        const name = `noost${target[0]}${signal === 'SIGKILL' ? 'k' : 's'}`;
        const child = start(
          'run',
          image,
          '--target',
          target,
          '--tap',
          name,
          '--ip',
          '10.98.0.2/24',
          '--gateway',
          '10.98.0.1',
        );
        try {
          await assertAnswers('http://10.98.0.2:8080/', 'Hello from Noos\n');
          assert.ok(deviceNames().includes(name));
        } finally {
          child.kill(signal);
        }
        const [code] = await once(child, 'exit');
        if (signal === 'SIGTERM') assert.equal(code, 0);
        const deadlineMs = Date.now() + patienceMs;
        while (deviceNames().includes(name) || leftOver().length > 0) {
          assert.ok(Date.now() < deadlineMs, `left: ${[...leftOver(), ...deviceNames()].join('\n')}`);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.deepEqual(readdirSync(temporary), []);
      });

  test('an existing TAP device is used and stays', limit, async () => {
    execFileSync('ip', ['tuntap', 'add', 'dev', 'noostx', 'mode', 'tap', 'vnet_hdr']);
    try {
      execFileSync('ip', ['address', 'add', '10.97.0.1/24', 'dev', 'noostx']);
      execFileSync('ip', ['link', 'set', 'dev', 'noostx', 'up']);
      const child = start('run', image, '--target', 'process', '--tap', 'noostx', '--ip', '10.97.0.2/24');
      try {
        await assertAnswers('http://10.97.0.2:8080/', 'Hello from Noos\n');
      } finally {
        child.kill('SIGTERM');
      }
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      assert.ok(deviceNames().includes('noostx'));
    } finally {
      execFileSync('ip', ['link', 'delete', 'dev', 'noostx']);
    }
  });
});
