import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from './daemon.js';
import { busyboxImage, loadImages } from './images.js';
import { openTerminal } from './terminal.js';

const daemon = await startDaemon({ after });
await loadImages(daemon, busyboxImage());
const environment = { ...process.env, DOCKER_HOST: `unix://${daemon.socket}`, DOCKER_CONFIG: daemon.scratch };

/** docker with its output as it comes. */
function start(...words: string[]) {
  const child = spawn('docker', words, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  const closed = once(child, 'close');
  return {
    child,
    output,
    async shows(text: string) {
      for (let tries = 0; !output.stdout.includes(text); tries++) {
        assert.ok(tries < 1000, `never said ${text}: ${output.stdout}${output.stderr}`);
        await sleep(10);
      }
    },
    ended: async () => ((await closed) as [number | null])[0],
  };
}

const network = ['--network', 'none'];

test('output goes to its stream, the exit code through', async () => {
  const { code, stdout, stderr } = await daemon.docker(
    ...['run', '--rm', ...network, 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 3'],
  );
  assert.deepEqual({ code, stdout, stderr }, { code: 3, stdout: 'out\n', stderr: 'err\n' });
});

test('the first byte is never lost', async () => {
  for (let round = 0; round < 5; round++)
    assert.equal(await daemon.ok('run', '--rm', ...network, 'busybox', 'echo', 'at once'), 'at once');
});

test('input of any size arrives whole, and its end too', async () => {
  const bytes = randomBytes(3_000_000);
  const { stdout } = await daemon.run('docker', ['run', '-i', '--rm', ...network, 'busybox', 'sha256sum'], {
    input: bytes,
  });
  assert.equal(stdout, `${createHash('sha256').update(bytes).digest('hex')}  -\n`);
});

test('a program that reads no input ends as usual', async () => {
  const { code, stdout } = await daemon.run(
    'docker',
    ['run', '-i', '--rm', ...network, 'busybox', 'echo', 'done'],
    {
      input: 'x'.repeat(200_000),
    },
  );
  assert.deepEqual([code, stdout], [0, 'done\n']);
});

test('a slow client loses nothing, and others are served meanwhile', async () => {
  const bytes = 20_000_000;
  const run = start(
    'run',
    '--rm',
    ...network,
    'busybox',
    'sh',
    '-c',
    `yes 0123456789abcde | head -c ${bytes}`,
  );
  run.child.stdout.pause();
  await sleep(1500);
  const begun = Date.now();
  assert.equal(await daemon.ok('run', '--rm', ...network, 'busybox', 'echo', 'served'), 'served');
  assert.ok(Date.now() - begun < 10_000);
  run.child.stdout.resume();
  assert.equal(await run.ended(), 0);
  assert.equal(run.output.stdout.length, bytes);
  assert.equal(run.output.stdout, '0123456789abcde\n'.repeat(bytes / 16));
});

test('several clients see the same; signals reach the program; input of a later client too', async () => {
  const script =
    'trap "echo caught; exit 5" TERM; echo ready; while read line; do echo "got $line"; done; sleep 1000 & wait';
  await daemon.ok('run', '-d', '-i', '--name', 'shared', ...network, 'busybox', 'sh', '-c', script);
  const watcher = start('attach', '--no-stdin', 'shared');
  const typist = start('attach', 'shared');
  await sleep(300);
  typist.child.stdin.write('one\n');
  await Promise.all([watcher.shows('got one'), typist.shows('got one')]);
  watcher.child.kill('SIGTERM');
  assert.equal(await watcher.ended(), 5);
  assert.equal(await typist.ended(), 5);
  assert.match(watcher.output.stdout, /caught/);
  await daemon.ok('rm', 'shared');
});

test('who leaves takes nothing with him: the program and its input live on', async () => {
  await daemon.ok('run', '-d', '-i', '--name', 'stays', ...network, 'busybox', 'cat');
  const first = start('attach', '--sig-proxy=false', 'stays');
  await sleep(300);
  first.child.stdin.write('a\n');
  await first.shows('a');
  first.child.kill('SIGKILL');
  await sleep(100);
  const second = start('attach', 'stays');
  await sleep(300);
  second.child.stdin.write('b\n');
  await second.shows('b');
  // The end of input ends the session; the command line then waits for the container.
  second.child.stdin.end();
  await sleep(200);
  second.child.kill('SIGKILL');
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Running}}', 'stays'), 'true');
  await daemon.ok('rm', '-f', 'stays');
});

test('a terminal: size, resizing, echo, exit code', async (t) => {
  const terminal = openTerminal(t, daemon, 'run', '-it', '--name', 'tty', ...network, 'busybox');
  await terminal.shows('/ # ');
  terminal.type('stty size\r');
  await terminal.shows('24 80');
  terminal.enlarge();
  await sleep(500);
  terminal.type('stty size\r');
  await terminal.shows('50 132');
  terminal.type('exit 7\r');
  assert.equal(await terminal.ended(), 7);
  await daemon.ok('rm', 'tty');
});

test('detach with the default and with chosen keys, attach again', async (t) => {
  const first = openTerminal(t, daemon, 'run', '-it', '--name', 'detach', ...network, 'busybox');
  await first.shows('/ # ');
  first.type('A=kept\r');
  await first.shows('/ # ');
  first.type('\x10\x11');
  assert.equal(await first.ended(), 0);
  const second = openTerminal(t, daemon, 'attach', '--detach-keys', 'ctrl-x,q', 'detach');
  await sleep(300);
  second.type('\recho $A\r');
  await second.shows('kept');
  second.type('\x10\x11');
  await sleep(200);
  second.type('\x18q');
  // Unlike run, attach calls that an error.
  await second.shows('read escape sequence');
  assert.equal(await second.ended(), 1);
  assert.equal(await daemon.ok('inspect', '-f', '{{.State.Running}}', 'detach'), 'true');
  const wrong = openTerminal(t, daemon, 'attach', '--detach-keys', 'ctrl-1', 'detach');
  await wrong.shows('received 400');
  await wrong.ended();
  const refused = await daemon.api('POST', '/v1.41/containers/detach/attach?stream=1&detachKeys=ctrl-1');
  assert.deepEqual(JSON.parse(refused.text), { message: 'Invalid detach keys (ctrl-1) provided' });
  await daemon.ok('rm', '-f', 'detach');
});

test('what cannot be attached to', async () => {
  await daemon.ok('create', '--name', 'still', ...network, 'busybox');
  assert.match(
    (await daemon.docker('attach', 'still')).stderr,
    /You cannot attach to a stopped container, start it first/,
  );
  await daemon.ok('run', '-d', '--name', 'paused', ...network, 'busybox', 'sleep', '1000');
  await daemon.ok('pause', 'paused');
  assert.match(
    (await daemon.docker('attach', 'paused')).stderr,
    /You cannot attach to a paused container, unpause it first/,
  );
  const direct = await daemon.api('POST', '/v1.41/containers/paused/attach?stream=1&stdout=1');
  assert.equal(direct.status, 409);
  assert.match(direct.text, /container paused is paused, unpause the container before attach/);
  assert.equal((await daemon.api('POST', '/v1.41/containers/nope/attach?stream=1')).status, 404);
  await daemon.ok('rm', '-f', 'still', 'paused');
});

/** Sends a request by hand and resolves with everything that comes back until the other side ends. */
async function raw(text: string, more?: (socket: ReturnType<typeof connect>) => void): Promise<Buffer> {
  const socket = connect(daemon.socket);
  const parts: Buffer[] = [];
  socket.on('data', (part) => parts.push(part));
  socket.write(text);
  if (more !== undefined) {
    await once(socket, 'data');
    more(socket);
  }
  await once(socket, 'end');
  socket.destroy();
  return Buffer.concat(parts);
}

test('types of streams by version; the backlog', async () => {
  await daemon.ok('run', '--name', 'said', ...network, 'busybox', 'sh', '-c', 'echo out; echo err >&2');
  const attach = (version: string, upgrade: string) =>
    raw(
      `POST /${version}/containers/said/attach?logs=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: d\r\n${upgrade}Content-Length: 0\r\n\r\n`,
    );
  const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
  const modern = (await attach('v1.44', upgrade)).toString('latin1');
  assert.match(modern, /^HTTP\/1\.1 101 UPGRADED\r\n[\s\S]*application\/vnd\.docker\.multiplexed-stream/);
  assert.ok(modern.includes('\x01\0\0\0\0\0\0\x04out\n'));
  assert.ok(modern.includes('\x02\0\0\0\0\0\0\x04err\n'));
  assert.match((await attach('v1.41', upgrade)).toString('latin1'), /application\/vnd\.docker\.raw-stream/);
  assert.match(
    (await attach('v1.44', '')).toString('latin1'),
    /^HTTP\/1\.1 200 OK\r\n[\s\S]*vnd\.docker\.raw-stream/,
  );
  await daemon.ok('rm', 'said');
});

test('a websocket client', async () => {
  await daemon.ok('run', '-d', '-i', '--name', 'ws', ...network, 'busybox', 'head', '-n', '1');
  const mask = Buffer.from([1, 2, 3, 4]);
  const typed = Buffer.from('hello\n').map((byte, index) => byte ^ mask[index & 3]!);
  const answer = await raw(
    'GET /v1.41/containers/ws/attach/ws?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    (socket) => socket.write(Buffer.concat([Buffer.from([0x82, 0x80 | 6]), mask, typed])),
  );
  const text = answer.toString('latin1');
  assert.match(text, /^HTTP\/1\.1 101 /);
  assert.match(text, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
  assert.ok(text.endsWith('\x82\x06hello\n\x88\x02\x03\xe8'), JSON.stringify(text.slice(-40)));
  await daemon.ok('rm', '-f', 'ws');
});

test('resize refuses what is no size, and containers that do not run', async () => {
  await daemon.ok('create', '--name', 'sized', ...network, 'busybox');
  const wrong = await daemon.api('POST', '/v1.41/containers/sized/resize?h=x&w=1');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /invalid resize height/);
  const stopped = await daemon.api('POST', '/v1.41/containers/sized/resize?h=1&w=1');
  assert.equal(stopped.status, 409);
  await daemon.ok('rm', 'sized');
});

test('a daemon killed and started again: the program continues and can be attached to', async () => {
  await daemon.ok('run', '-d', '-i', '--name', 'survivor', ...network, 'busybox', 'cat');
  const before = start('attach', 'survivor');
  await sleep(300);
  before.child.stdin.write('one\n');
  await before.shows('one');
  await daemon.kill9();
  await before.ended();
  await daemon.restart();
  const afterwards = start('attach', 'survivor');
  await sleep(300);
  afterwards.child.stdin.write('two\n');
  await afterwards.shows('two');
  afterwards.child.kill('SIGKILL');
  assert.equal(await daemon.ok('logs', 'survivor'), 'one\ntwo');
  await daemon.ok('rm', '-f', 'survivor');
});
