/** Attack: a container that sends what it likes on its network, towards the host, its neighbours, other networks. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { decode, encode } from 'dns-packet';
import { startDaemon } from '../daemon.js';
import { fromContainer, importNetImage, nobodyAnswers } from '../external-hosts.js';

const daemon = await startDaemon({ after });
await importNetImage(daemon);
const source = join(import.meta.dirname, '../../../../test/daemon/programs/raw-frames.c');
const program = join(daemon.scratch, 'raw-frames');
execFileSync('gcc', ['-O1', '-static', source, '-o', program]);
const tool = ['-v', `${program}:/raw-frames:ro`];

const start = (name: string, ...options: string[]): Promise<string> =>
  daemon.ok('run', '-d', '--name', name, ...tool, ...options, 'net', 'sleep', '1000');
const send = (name: string, ...frames: Buffer[]): Promise<string> =>
  daemon.ok('exec', name, '/raw-frames', 'eth0', '10', ...frames.map((frame) => frame.toString('hex')));
const inspect = (name: string, format: string): Promise<string> => daemon.ok('inspect', '-f', format, name);

interface Place {
  mac: Buffer;
  address: string;
  gateway: string;
}
async function placeOf(name: string, network = 'bridge'): Promise<Place> {
  const settings = JSON.parse(await inspect(name, `{{json (index .NetworkSettings.Networks "${network}")}}`));
  return {
    mac: Buffer.from(settings.MacAddress.replaceAll(':', ''), 'hex'),
    address: settings.IPAddress,
    gateway: settings.Gateway,
  };
}

const bytes4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
const bytes6 = (address: string): Buffer => {
  const [head = '', tail = ''] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [groups(head), groups(tail)];
  const all = [...left, ...Array(8 - left.length - right.length).fill(0), ...right] as number[];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 255]));
};

/** RFC 1071. */
function checksum(...parts: Buffer[]): number {
  const bytes = Buffer.concat(parts);
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

const ethernet = (to: Buffer, from: Buffer, type: number, payload: Buffer): Buffer =>
  Buffer.concat([to, from, Buffer.from([type >> 8, type & 255]), payload]);

/** A router advertisement (RFC 4861 §4.2) of a default route and a prefix, from a link-local address. */
function routerAdvertisement(mac: Buffer, prefix: string): Buffer {
  const source = bytes6('fe80::bad');
  const all = bytes6('ff02::1');
  const message = Buffer.alloc(16 + 32 + 8);
  message.set([134, 0, 0, 0, 64, 0, 0x07, 0x08]);
  // Prefix information (§4.6.2): on link, autonomous, an hour; then the source's link-layer address.
  message.set([3, 4, 64, 0xc0, 0, 0, 0x0e, 0x10, 0, 0, 0x0e, 0x10], 16);
  bytes6(prefix).copy(message, 32);
  message.set([1, 1, ...mac], 48);
  message.writeUInt16BE(
    checksum(source, all, Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58]), message),
    2,
  );
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255]);
  return ethernet(
    Buffer.from('333300000001', 'hex'),
    mac,
    0x86dd,
    Buffer.concat([header, source, all, message]),
  );
}

function udpFrame(to: Buffer, from: Place, destination: string, port: number, text: string): Buffer {
  const udp = Buffer.concat([
    Buffer.from([0x30, 0x39, port >> 8, port & 255, 0, 8 + text.length, 0, 0]),
    Buffer.from(text),
  ]);
  const header = Buffer.from([
    0x45,
    0,
    0,
    20 + udp.length,
    0,
    1,
    0,
    0,
    64,
    17,
    0,
    0,
    ...bytes4(from.address),
    ...bytes4(destination),
  ]);
  header.writeUInt16BE(checksum(header), 10);
  return ethernet(to, from.mac, 0x0800, Buffer.concat([header, udp]));
}

const macOfLink = (name: string): Buffer => {
  const [link] = JSON.parse(execFileSync('ip', ['-json', 'link', 'show', 'dev', name], { encoding: 'utf8' }));
  return Buffer.from(link.address.replaceAll(':', ''), 'hex');
};
const routes6 = (): string => execFileSync('ip', ['-6', 'route'], { encoding: 'utf8' });
const addresses6 = (): string => execFileSync('ip', ['-6', 'addr'], { encoding: 'utf8' });

test('router advertisements: neither the host nor a neighbour takes a route or an address', async () => {
  await daemon.ok('network', 'create', '--ipv6', '--subnet', 'fd00:6::/64', 'six');
  await start('liar');
  await start('liar6', '--network', 'six');
  await start('neighbour6', '--network', 'six');
  for (const [name, network] of [
    ['liar', 'bridge'],
    ['liar6', 'six'],
  ] as const)
    await send(name, routerAdvertisement((await placeOf(name, network)).mac, '2001:db8:bad::'));
  await sleep(300);
  assert.doesNotMatch(routes6(), /fe80::bad|2001:db8:bad/);
  assert.doesNotMatch(addresses6(), /2001:db8:bad/);
  const neighbour = await daemon.ok('exec', 'neighbour6', 'sh', '-c', 'ip -6 route; ip -6 addr');
  assert.doesNotMatch(neighbour, /fe80::bad|2001:db8:bad/);
  assert.match(neighbour, /default via fd00:6::1/);
  await daemon.ok('rm', '-f', 'liar', 'liar6', 'neighbour6');
});

test('redirects are taken neither by the host from a bridge nor by containers', async () => {
  await start('one', '--network', 'six');
  const value = (path: string): string =>
    readFileSync(`/proc/sys/net/${path}/accept_redirects`, 'utf8').trim();
  const bridge = `br-${(await daemon.ok('network', 'inspect', '-f', '{{.Id}}', 'six')).slice(0, 12)}`;
  for (const name of [daemon.bridge, bridge])
    for (const family of ['ipv4', 'ipv6'])
      assert.equal(value(`${family}/conf/${name}`), '0', `${family} ${name}`);
  for (const family of ['ipv4', 'ipv6'])
    assert.equal(
      await daemon.ok('exec', 'one', 'cat', `/proc/sys/net/${family}/conf/eth0/accept_redirects`),
      '0',
    );
  await daemon.ok('rm', '-f', 'one');
});

test("the host's loopback is not reached by a destination of 127.0.0.1 on the wire", async () => {
  await start('liar');
  const liar = await placeOf('liar');
  const heard: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (bytes) => heard.push(bytes.toString()));
  socket.bind(0);
  await once(socket, 'listening');
  const host = macOfLink(daemon.bridge);
  const { port } = socket.address();
  await send(
    'liar',
    udpFrame(host, liar, '127.0.0.1', port, 'loopback'),
    udpFrame(host, liar, liar.gateway, port, 'bridge'),
  );
  await sleep(200);
  socket.close();
  assert.ok(heard.includes('bridge'), 'frames reach the host at its own address');
  assert.ok(!heard.includes('loopback'));
  await daemon.ok('rm', '-f', 'liar');
});

test('another network is reached neither by address, nor by its gateway’s frames, nor by name', async () => {
  await daemon.ok('network', 'create', 'red');
  await daemon.ok('network', 'create', 'blue');
  await start('attacker', '--network', 'red');
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'victim',
    '--network',
    'blue',
    'net',
    'socat',
    '-u',
    'UDP-RECV:4000',
    'CREATE:/heard',
  );
  const [attacker, victim] = [await placeOf('attacker', 'red'), await placeOf('victim', 'blue')];
  const bridgeOf = async (name: string): Promise<string> =>
    `br-${(await daemon.ok('network', 'inspect', '-f', '{{.Id}}', name)).slice(0, 12)}`;
  const router = macOfLink(await bridgeOf('red'));
  const forged = { ...attacker, address: victim.gateway };
  await send(
    'attacker',
    // To the host as router, to the victim's own MAC, with a source address of the victim's network.
    udpFrame(router, attacker, victim.address, 4000, 'routed'),
    udpFrame(victim.mac, attacker, victim.address, 4000, 'bridged'),
    udpFrame(router, forged, victim.address, 4000, 'forged'),
  );
  await nobodyAnswers(fromContainer(daemon, 'attacker'), victim.address, 80);
  await nobodyAnswers(fromContainer(daemon, 'attacker'), 'victim', 80);
  assert.notEqual((await daemon.docker('exec', 'attacker', 'nslookup', 'victim')).code, 0);
  // The victim hears its own network: the listener works.
  await start('friend', '--network', 'blue');
  await daemon.ok(
    'exec',
    'friend',
    'sh',
    '-c',
    'for i in 1 2 3 4 5; do echo friend | socat -u - UDP:victim:4000; done',
  );
  await sleep(200);
  const heard = await daemon.ok('exec', 'victim', 'cat', '/heard');
  assert.match(heard, /friend/);
  assert.doesNotMatch(heard, /routed|bridged|forged/);
  await daemon.ok('rm', '-f', 'attacker', 'victim', 'friend');
});

test('without CAP_NET_RAW no frame can be forged', async () => {
  await start('plain', '--cap-drop', 'NET_RAW');
  const { code, stderr } = await daemon.docker('exec', 'plain', '/raw-frames', 'eth0', '1', 'ff'.repeat(60));
  assert.equal(code, 1);
  assert.match(stderr, /Operation not permitted/);
  await daemon.ok('rm', '-f', 'plain');
});

test('forged answers of names: wrong ID, wrong question, wrong sender, no answer, endless compression', async () => {
  const server = createSocket('udp4');
  const stranger = createSocket('udp4');
  after(() => {
    server.close();
    stranger.close();
  });
  server.on('message', (message, { port, address }) => {
    const { id = 0, questions = [] } = decode(message);
    const { name, type } = questions[0]!;
    const answer = (more: object, data: string): Buffer =>
      encode({
        id,
        type: 'response',
        questions,
        answers: type === 'A' ? [{ type, name, data }] : [],
        ...more,
      });
    const forged = [
      answer({ id: (id + 1) & 0xffff }, '192.0.2.66'),
      answer({ questions: [{ name: 'other.example', type: 'A' }] }, '192.0.2.66'),
      answer({ type: 'query' }, '192.0.2.66'),
      Buffer.alloc(0),
      message.subarray(0, 5),
    ];
    for (const bytes of forged) server.send(bytes, port, address);
    stranger.send(answer({}, '192.0.2.66'), port, address);
    if (name.startsWith('loop')) {
      // The answer's name is a pointer to itself (RFC 1035 §4.1.4).
      const at = encode({ id, type: 'response', questions }).length;
      const bytes = Buffer.concat([answer({}, '192.0.2.99'), Buffer.alloc(2)]);
      bytes.writeUInt16BE(0xc000 | at, at);
      server.send(bytes, port, address);
    } else setTimeout(() => server.send(answer({}, '192.0.2.99'), port, address), 50);
  });
  await new Promise<void>((resolve) => server.bind(53, '127.0.0.79', resolve));
  await daemon.ok('network', 'create', 'asking');
  await start('asker', '--network', 'asking', '--dns', '127.0.0.79');
  assert.match(await daemon.ok('exec', 'asker', 'nslookup', 'shop.example'), /192\.0\.2\.99/);
  const { stdout } = await daemon.docker('exec', 'asker', 'timeout', '8', 'nslookup', 'loop.example');
  assert.doesNotMatch(stdout, /192\.0\.2\.66/);
  // The engine and its resolver continue.
  assert.match(await daemon.ok('exec', 'asker', 'nslookup', 'asker'), /Address/);
  await daemon.ok('rm', '-f', 'asker');
});

test('a port published on 127.0.0.1 is the host’s alone', async () => {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const port = (server.address() as { port: number }).port;
  server.close();
  await once(server, 'close');
  await daemon.ok(
    'run',
    '-d',
    '--name',
    'local',
    '-p',
    `127.0.0.1:${port}:80`,
    'net',
    'socat',
    'TCP4-LISTEN:80,fork,reuseaddr',
    'SYSTEM:echo local',
  );
  await start('liar');
  const { gateway } = await placeOf('liar');
  await nobodyAnswers(fromContainer(daemon, 'liar'), gateway, port);
  await nobodyAnswers(fromContainer(daemon, 'liar'), '198.51.100.2', port);
  await daemon.ok('rm', '-f', 'local', 'liar');
});
