import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  connectSeqpacket,
  createNetworkNamespace,
  exchangeNetlink,
  execMonitorPath,
  getAttribute,
  listAttributes,
  lockFile,
  makeNode,
  mount,
  mountFlags,
  netlinkProtocols,
  openFlags,
  openInRoot,
  openPipe,
  openSocketInNamespace,
  removeAttribute,
  sealedCopy,
  serveDatagrams,
  setAttribute,
  setTimes,
  spawnProgram,
  unmount,
  watchNetlink,
  writeSysctlInNamespace,
} from './index.js';

/** A fresh directory; what the test mounts at `mountPoint` below it is unmounted before it goes. */
function directory(t: TestContext, mountPoint?: string): string {
  const path = fs.mkdtempSync(join(tmpdir(), 'noos-linux-'));
  t.after(async () => {
    if (mountPoint !== undefined) await unmount(join(path, mountPoint));
    fs.rmSync(path, { recursive: true });
  });
  return path;
}

test('mount: overlay with names relative to a directory, then unmount', async (t) => {
  const root = directory(t, '.');
  await mount({ source: 'tmpfs', target: root, type: 'tmpfs' });
  for (const name of ['lower', 'upper', 'work', 'merged']) fs.mkdirSync(join(root, name));
  fs.writeFileSync(join(root, 'lower/file'), 'content');
  const merged = join(root, 'merged');
  const before = process.cwd();
  await mount({
    source: 'overlay',
    target: merged,
    type: 'overlay',
    data: 'lowerdir=lower,upperdir=upper,workdir=work',
    directory: root,
  });
  assert.equal(process.cwd(), before, 'the working directory of the process stays');
  assert.equal(fs.readFileSync(join(merged, 'file'), 'utf8'), 'content');
  await mount({ source: '', target: merged, type: '', flags: mountFlags.private });
  await unmount(merged);
  assert.deepEqual(fs.readdirSync(merged), []);
  await assert.rejects(unmount(merged), { code: 'EINVAL', syscall: 'umount', path: merged });
});

test('a network namespace, a setting and sockets inside it', async (t) => {
  const path = join(directory(t, 'ns'), 'ns');
  await createNetworkNamespace(path);
  await assert.rejects(createNetworkNamespace(path), { code: 'EEXIST' });
  const inside = (...command: string[]) =>
    execFileSync('nsenter', [`--net=${path}`, ...command], { encoding: 'utf8' });
  assert.match(inside('ip', 'link', 'show', 'lo'), /LOOPBACK,UP/);
  await writeSysctlInNamespace(path, 'net/ipv4/ip_default_ttl', '63');
  assert.equal(inside('cat', '/proc/sys/net/ipv4/ip_default_ttl').trim(), '63');
  await assert.rejects(writeSysctlInNamespace(path, '../uptime', '1'), { code: 'EINVAL' });

  const socket = createSocket('udp4');
  socket.bind({ fd: openSocketInNamespace(path, 'udp', '127.0.0.11', 53) });
  const server = createServer((connection) => connection.end('tcp'));
  server.listen({ fd: openSocketInNamespace(path, 'tcp', '127.0.0.11', 53) });
  t.after(() => {
    socket.close();
    server.close();
  });
  assert.throws(() => openSocketInNamespace(path, 'udp', '127.0.0.11', 53), { code: 'EADDRINUSE' });
  assert.throws(() => openSocketInNamespace(path, 'udp', 'nowhere', 53), { code: 'EINVAL' });
  const received = new Promise((resolve) => socket.once('message', (bytes) => resolve(String(bytes))));
  inside(
    'python3',
    '-c',
    'import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).sendto(b"udp", ("127.0.0.11", 53))',
  );
  assert.equal(await received, 'udp');
  const client = spawn('nsenter', [
    `--net=${path}`,
    'python3',
    '-c',
    'import socket as s; print(s.create_connection(("127.0.0.11", 53)).recv(9))',
  ]);
  const [answer] = (await client.stdout.toArray()) as Buffer[];
  assert.equal(String(answer).trim(), "b'tcp'");
});

test('openInRoot never leaves the root', (t) => {
  const outer = directory(t);
  const root = join(outer, 'root');
  fs.mkdirSync(join(root, 'etc'), { recursive: true });
  fs.writeFileSync(join(outer, 'secret'), 'outside');
  fs.writeFileSync(join(root, 'secret'), 'inside');
  fs.symlinkSync('../../../../secret', join(root, 'etc/relative'));
  fs.symlinkSync('/secret', join(root, 'etc/absolute'));
  const rootFd = fs.openSync(root, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  t.after(() => fs.closeSync(rootFd));
  for (const path of ['secret', '/secret', '../secret', 'etc/relative', 'etc/absolute']) {
    const fd = openInRoot(rootFd, path, fs.constants.O_RDONLY);
    assert.equal(fs.readFileSync(fd, 'utf8'), 'inside', path);
    fs.closeSync(fd);
  }
  assert.throws(() => openInRoot(rootFd, 'none', openFlags.path), {
    code: 'ENOENT',
    message: "ENOENT: No such file or directory, openat2 'none'",
  });
  assert.throws(() => openInRoot(rootFd, 'a\0b', openFlags.path), { code: 'EINVAL' });
  assert.throws(() => openInRoot(rootFd, 'x'.repeat(5000), openFlags.path), { code: 'ENAMETOOLONG' });
});

test('device nodes, attributes, times, locks', (t) => {
  const root = directory(t);
  const node = join(root, 'null');
  makeNode(node, fs.constants.S_IFCHR | 0o600, 1, 3);
  assert.equal(fs.statSync(node).rdev, (1 << 8) | 3);
  assert.throws(() => makeNode(node, fs.constants.S_IFCHR), { code: 'EEXIST' });

  const file = join(root, 'file');
  fs.writeFileSync(file, '');
  assert.equal(getAttribute(file, 'trusted.noos'), undefined);
  setAttribute(file, 'trusted.noos', Buffer.from([0, 1, 2]));
  assert.deepEqual(getAttribute(file, 'trusted.noos'), Buffer.from([0, 1, 2]));
  assert.ok(listAttributes(file).includes('trusted.noos'));
  removeAttribute(file, 'trusted.noos');
  assert.ok(!listAttributes(file).includes('trusted.noos'));

  fs.symlinkSync('file', join(root, 'link'));
  setTimes(join(root, 'link'), 1n, -1n);
  assert.equal(fs.lstatSync(join(root, 'link'), { bigint: true }).mtimeNs, -1n);
  assert.notEqual(fs.statSync(file, { bigint: true }).atimeNs, 1n);
  const before = fs.statSync(file, { bigint: true }).mtimeNs;
  assert.throws(() => setTimes(file, 5n, 5 as unknown as bigint), TypeError);
  assert.equal(fs.statSync(file, { bigint: true }).mtimeNs, before, 'nothing is set by half');
  setTimes(file, -(10n ** 18n), -1_000_000_000n);
  assert.equal(fs.statSync(file, { bigint: true }).mtimeNs, -1_000_000_000n);

  const first = fs.openSync(file, 'r');
  const second = fs.openSync(file, 'r');
  lockFile(first);
  assert.throws(() => lockFile(second), { code: 'EAGAIN' });
  fs.closeSync(first);
  lockFile(second);
  fs.closeSync(second);
});

test('connectSeqpacket carries packets up with their lengths and bytes down', async (t) => {
  const path = join(directory(t), 'socket');
  const script = `
import socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(sys.argv[1]); listener.listen(1); print('ready', flush=True)
peer, _ = listener.accept()
received = b''
while True:
    part = peer.recv(32768)
    if not part: break
    received += part
for size in [1, 8193, 3]: peer.send(b'x' * size)
peer.send(str(len(received)).encode())
`;
  const server = spawn('python3', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => server.stdout.once('data', resolve));
  const socket = new Socket({ fd: connectSeqpacket(path), readable: true, writable: true });
  socket.end(Buffer.alloc(1_000_000));
  const bytes = Buffer.concat((await socket.toArray()) as Buffer[]);
  const packets: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32BE(at))
    packets.push(bytes.toString('latin1', at + 4, at + 4 + bytes.readUInt32BE(at)));
  assert.deepEqual(
    packets.map((packet) => packet.length),
    [1, 8193, 3, 7],
  );
  assert.equal(packets[3], '1000000');
  assert.throws(() => connectSeqpacket(`${path}-none`), { code: 'ENOENT' });
});

/** nlmsghdr and ifinfomsg (rtnetlink(7)) of a request with NLM_F_ACK; type 18 asks for an interface, 17 deletes one. */
function linkRequest(type: number, sequence: number, index: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(32, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(5, 6);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(index, 20);
  return bytes;
}

test('netlink: answers from inside a namespace, the first error by its sequence number', async (t) => {
  const path = join(directory(t, 'ns'), 'ns');
  await createNetworkNamespace(path);
  const reply = await exchangeNetlink(path, netlinkProtocols.route, linkRequest(18, 0, 1), 1);
  assert.equal(reply.readUInt16LE(4), 16, 'RTM_NEWLINK');
  assert.equal(reply.readInt32LE(20), 1, 'the loopback');
  const bad = Buffer.concat([linkRequest(18, 7, 1), linkRequest(18, 8, 999), linkRequest(17, 9, 998)]);
  await assert.rejects(exchangeNetlink(path, netlinkProtocols.route, bad, 3), {
    code: 'ENODEV',
    syscall: 'netlink',
    path: 'message 8',
  });
  await assert.rejects(exchangeNetlink(path, netlinkProtocols.route, linkRequest(18, 0, 1), 1, 16), {
    code: 'EMSGSIZE',
  });
  await assert.rejects(exchangeNetlink('/nosuch', netlinkProtocols.route, bad, 3), { code: 'ENOENT' });
  // More requests, and more acknowledgements, than a socket of the usual size holds.
  const count = 8000;
  const many = Buffer.concat(Array.from({ length: count }, (_, index) => linkRequest(18, index, 999)));
  await assert.rejects(exchangeNetlink(path, netlinkProtocols.route, many, count), {
    code: 'ENODEV',
    path: 'message 0',
  });
});

test('netlink: multicast messages as a stream that ends when closed', async () => {
  const tablesGroup = 7;
  const socket = new Socket({ fd: watchNetlink(netlinkProtocols.netfilter, tablesGroup) });
  const table = `noos-test-${process.pid}`;
  const seen = new Promise<void>((resolve) => {
    let bytes = Buffer.alloc(0);
    socket.on('data', (more: Buffer) => {
      bytes = Buffer.concat([bytes, more]);
      if (bytes.includes(table)) resolve();
    });
  });
  execFileSync('nft', ['add', 'table', 'inet', table]);
  execFileSync('nft', ['delete', 'table', 'inet', table]);
  await seen;
  socket.destroy();
});

test('spawnProgram hands on descriptors, environment and nothing else', async () => {
  const outputOf = async (command: [string, ...string[]], input: number[] = []) => {
    const out = openPipe();
    const pid = spawnProgram(command, { NAME: 'value', PATH: '/usr/bin:/bin' }, [
      -1,
      out.write,
      -1,
      ...input,
    ]);
    fs.closeSync(out.write);
    const reader = new Socket({ fd: out.read, readable: true, writable: false });
    return { pid, text: Buffer.concat((await reader.toArray()) as Buffer[]).toString() };
  };
  const back = openPipe();
  fs.writeSync(back.write, 'hello\n');
  fs.closeSync(back.write);
  const script = 'read line <&3; echo "$line $NAME $(pwd)"';
  const { pid, text } = await outputOf(['/bin/sh', '-c', script], [back.read]);
  fs.closeSync(back.read);
  assert.equal(text, 'hello value /\n');
  for (let waited = 0; fs.existsSync(`/proc/${pid}`); waited += 10) {
    assert.ok(waited < 5000, 'no zombie is left');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  // 3 is the directory it lists.
  assert.equal((await outputOf(['/bin/ls', '/proc/self/fd'])).text, '0\n1\n2\n3\n');
  assert.throws(() => spawnProgram(['/none'], {}, []), { code: 'ENOENT', syscall: 'posix_spawn' });
  const closed = fs.openSync('/dev/null', 'r');
  fs.closeSync(closed);
  assert.throws(() => spawnProgram(['/bin/true'], {}, [-1, -1, closed]), { code: 'EBADF', syscall: 'fcntl' });
});

/** Runs the monitor on a shell script that leaves a process behind; its report and what the script printed. */
async function monitored(t: TestContext, script: string): Promise<{ report: string; output: string }> {
  const pidFile = join(directory(t), 'pid');
  const [report, output] = [openPipe(), openPipe()];
  spawnProgram([execMonitorPath, pidFile, '/bin/sh', '-c', script, pidFile], { PATH: '/usr/bin:/bin' }, [
    ...[-1, output.write, -1, report.write],
  ]);
  fs.closeSync(report.write);
  fs.closeSync(output.write);
  const [said, printed] = await Promise.all(
    [report, output].map(async ({ read }) => {
      const reader = new Socket({ fd: read, readable: true, writable: false });
      return Buffer.concat((await reader.toArray()) as Buffer[]).toString();
    }),
  );
  return { report: said!, output: printed! };
}

test('the exec monitor tells number and exit code of the process that a program leaves behind', async (t) => {
  const lines = ({ report }: { report: string }) =>
    report
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: number }).data);
  const leave = (command: string) => `(${command}) & echo $! > "$0"`;
  const [pid, code] = lines(await monitored(t, leave('sleep 0.1; exit 7')));
  assert.ok(pid! > 1);
  assert.equal(code, 7);
  assert.equal(lines(await monitored(t, leave('kill -9 $(exec sh -c "echo \\$PPID")')))[1], 128 + 9);
  // Over before the program that started it; an orphan by then, as what the OCI runtime leaves behind.
  const early = `sh -c '${leave('sleep 0.1; exit 3')}' "$0"; sleep 0.3`;
  assert.equal(lines(await monitored(t, early))[1], 3);
  assert.deepEqual(lines(await monitored(t, 'exit 4')), [-1]);
  assert.deepEqual(lines(await monitored(t, 'exit 0')), [-1], 'no number was written');
});

test('what runs under the exec monitor has the signals of a fresh process', async (t) => {
  const { output } = await monitored(t, 'grep -E "^Sig(Ign|Blk):" /proc/self/status; exit 1');
  assert.match(output, /^SigBlk:\t0{16}\nSigIgn:\t0{16}\n$/);
});

test('sealedCopy runs and cannot be changed', () => {
  const fd = sealedCopy('/bin/true');
  const path = `/proc/${process.pid}/fd/${fd}`;
  assert.equal(spawnSync(path).status, 0);
  assert.throws(() => fs.writeSync(fd, 'x', 0), { code: 'EPERM' });
  assert.throws(() => fs.ftruncateSync(fd, 0), { code: 'EPERM' });
  fs.closeSync(fd);
  assert.throws(() => sealedCopy('/nonexistent'), { code: 'ENOENT', syscall: 'open', path: '/nonexistent' });
});

test('serveDatagrams answers from the address that was asked, in both families', async (t) => {
  for (const [own, asked] of [
    ['0.0.0.0', ['127.0.0.1', '127.0.0.7']],
    ['::', ['::1']],
    ['127.0.0.7', ['127.0.0.7']],
  ] as const) {
    const peers = new Set<string>();
    const served = serveDatagrams(openSocketInNamespace('', 'udp', own, 0), (message, peer) => {
      peers.add(peer);
      return message;
    });
    for (const address of asked) {
      const client = createSocket(own === '::' ? 'udp6' : 'udp4');
      t.after(() => client.close());
      // A connected socket hears that address only.
      await new Promise<void>((resolve) => client.connect(served.port, address, resolve));
      for (const text of ['one', 'two']) {
        const answer = once(client, 'message', { signal: AbortSignal.timeout(10_000) });
        client.send(text);
        assert.equal(String((await answer)[0]), text, `${own} ${address}`);
      }
    }
    assert.equal(peers.size, asked.length);
    served.close();
  }
});

test('serveDatagrams answers at once or later, until it is closed', async (t) => {
  let heard = '';
  const served = serveDatagrams(
    openSocketInNamespace('/proc/self/ns/net', 'udp', '127.0.0.1', 0),
    (message, peer) => {
      heard = peer;
      if (message.length === 0) return Buffer.from('empty');
      if (message.toString() === 'later') {
        setImmediate(() => served.send(Buffer.from('late'), peer));
        return undefined;
      }
      return message;
    },
  );
  const client = createSocket('udp4');
  t.after(() => client.close());
  await new Promise<void>((resolve) => client.connect(served.port, '127.0.0.1', resolve));
  const ask = (message: string | Buffer): Promise<string> =>
    new Promise((resolve) => {
      client.once('message', (answer) => resolve(answer.toString()));
      client.send(message);
    });
  assert.equal(await ask('now'), 'now');
  assert.equal(await ask('later'), 'late');
  assert.equal(await ask(''), 'empty');
  const large = 'x'.repeat(60_000);
  assert.equal(await ask(large), large);
  // More than are served in one turn.
  const burst = Array.from({ length: 100 }, (_, n) => `b${n}`);
  const answers: string[] = [];
  await new Promise<void>((resolve) => {
    client.on('message', (answer) => {
      if (answers.push(answer.toString()) === burst.length) resolve();
    });
    for (const message of burst) client.send(message);
  });
  assert.deepEqual(answers, burst);
  served.close();
  served.close();
  served.send(Buffer.from('x'), heard);
  assert.throws(() => served.send(Buffer.from('x'), 'no peer'), TypeError);
  assert.throws(() => serveDatagrams(-1, () => undefined), { code: 'EBADF' });
});
