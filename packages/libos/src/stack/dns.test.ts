/** The resolver against scripted servers in the simulation: chains, cache, search, failover, truncation, forgery. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimulation, type Simulation } from '../simulation.js';
import type { DnsAnswer } from './dns.js';
import type { Stack } from './stack.js';
import type { TcpConnection } from './tcp.js';

const clientAddress = 0x0a000001;
const serverAddress = 0x0a000002;
const typeA = 1;
const typeCname = 5;
const typeSoa = 6;

interface Record {
  name: string;
  type: number;
  ttl: number;
  data: number[];
}
interface Reply {
  answers?: Record[];
  authority?: Record[];
  rcode?: number;
  truncated?: boolean;
  /** Changes of the finished message. */
  edit?: (message: Uint8Array) => Uint8Array;
}
interface Question {
  name: string;
  overTcp: boolean;
  peerPort: number;
  identifier: number;
}

const be = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 255);
const labels = (name: string): number[] => [
  ...name
    .split('.')
    .filter(Boolean)
    .flatMap((label) => [label.length, ...Buffer.from(label)]),
  0,
];
const a = (name: string, address: number, ttl = 300): Record => ({
  name,
  type: typeA,
  ttl,
  data: be(address, 4),
});
const cname = (name: string, target: string, ttl = 300): Record => ({
  name,
  type: typeCname,
  ttl,
  data: labels(target),
});
const soa = (ttl: number, minimum: number): Record => ({
  name: 'test',
  type: typeSoa,
  ttl,
  data: [...labels('ns.test'), ...labels('admin.test'), ...be(1, 16), ...be(minimum, 4)],
});

function emit(query: Uint8Array, reply: Reply): Uint8Array {
  const record = ({ name, type, ttl, data }: Record): number[] => [
    ...labels(name),
    ...be(type, 2),
    ...be(1, 2),
    ...be(ttl, 4),
    ...be(data.length, 2),
    ...data,
  ];
  const { answers = [], authority = [], rcode = 0, truncated = false } = reply;
  const message = Uint8Array.from([
    ...query.subarray(0, 2),
    truncated ? 0x83 : 0x81,
    0x80 | rcode,
    ...be(1, 2),
    ...be(answers.length, 2),
    ...be(authority.length, 2),
    ...be(0, 2),
    ...query.subarray(12),
    ...answers.flatMap(record),
    ...authority.flatMap(record),
  ]);
  return reply.edit?.(message) ?? message;
}

function question(query: Uint8Array, overTcp: boolean, peerPort: number): Question {
  const parts: string[] = [];
  let at = 12;
  for (; query[at] !== 0; at += 1 + query[at]!)
    parts.push(Buffer.from(query.subarray(at + 1, at + 1 + query[at]!)).toString());
  assert.equal(query.length, at + 5);
  return { name: parts.join('.'), overTcp, peerPort, identifier: (query[0]! << 8) | query[1]! };
}

interface Setup {
  simulation: Simulation;
  client: Stack;
  server: Stack;
  questions: Question[];
  resolve(name: string, milliseconds?: number): Promise<DnsAnswer>;
}

async function setup(
  answer: (question: Question) => Reply | undefined,
  dns: { servers?: number[]; search?: string[] } = { servers: [serverAddress] },
): Promise<Setup> {
  const simulation = createSimulation(11);
  const [near, far] = simulation.link();
  const client = await simulation.stack({
    interfaces: [{ device: near, mac: 0x020000000001, ipv4: { address: clientAddress, prefixLength: 24 } }],
    dns,
  });
  const server = await simulation.stack({
    interfaces: [{ device: far, mac: 0x020000000002, ipv4: { address: serverAddress, prefixLength: 24 } }],
  });
  const questions: Question[] = [];
  const reply = (query: Uint8Array, overTcp: boolean, peerPort: number): Uint8Array | undefined => {
    const asked = question(query, overTcp, peerPort);
    questions.push(asked);
    const result = answer(asked);
    return result && emit(query, result);
  };
  const udp = server.udpBind(53);
  udp.onDatagram = ({ bytes, peerAddress, peerPort }) => {
    const message = reply(bytes, false, peerPort);
    if (message !== undefined) udp.send(peerAddress, peerPort, message);
  };
  server.tcpListen({ port: 53 }, (connection: TcpConnection) => {
    connection.onReadable = () => {
      const bytes = connection.read();
      if (bytes.length < 2) return;
      const message = reply(bytes.subarray(2), true, connection.peerPort);
      if (message !== undefined) connection.write(Uint8Array.from([...be(message.length, 2), ...message]));
      else connection.abort();
    };
  });
  return {
    simulation,
    client,
    server,
    questions,
    async resolve(name, milliseconds = 60_000) {
      let done = false;
      const result = client.dnsResolve(name).finally(() => {
        done = true;
      });
      result.catch(() => {});
      // Promises settle between steps of virtual time.
      for (let passed = 0; !done && passed < milliseconds; passed += 10) {
        simulation.run(10);
        await Promise.resolve();
        await Promise.resolve();
      }
      return result;
    },
  };
}

test('one address, then from the cache, then asked again after its TTL', async () => {
  const { resolve, questions, simulation, client } = await setup(({ name }) => ({
    answers: [a(name, 1, 60)],
  }));
  assert.deepEqual(await resolve('www.test'), { addresses: [1], ttlSeconds: 60 });
  simulation.run(10_000);
  const cached = await resolve('WWW.Test.');
  assert.deepEqual(cached.addresses, [1]);
  assert.ok(cached.ttlSeconds <= 50 && cached.ttlSeconds >= 48);
  assert.equal(questions.length, 1);
  simulation.run(60_000);
  await resolve('www.test');
  assert.equal(questions.length, 2);
  assert.equal(client.exports.queryCount(), 0);
  assert.equal(client.exports.udpSocketCount(), 0);
});

test('a chain of CNAMEs in any order; the smallest TTL counts', async () => {
  const { resolve } = await setup(() => ({
    answers: [
      a('c.test', 7, 100),
      cname('b.test', 'c.test', 20),
      a('c.test', 8, 90),
      cname('a.test', 'b.test', 50),
    ],
  }));
  assert.deepEqual(await resolve('a.test'), { addresses: [7, 8], ttlSeconds: 20 });
});

test('a chain that the server leaves open is asked on', async () => {
  const { resolve, questions } = await setup(({ name }) =>
    name === 'a.test' ? { answers: [cname('a.test', 'b.test')] } : { answers: [a('b.test', 5)] },
  );
  assert.deepEqual((await resolve('a.test')).addresses, [5]);
  assert.deepEqual(
    questions.map(({ name }) => name),
    ['a.test', 'b.test'],
  );
});

test('a loop of CNAMEs ends', async () => {
  const inside = await setup(() => ({ answers: [cname('a.test', 'b.test'), cname('b.test', 'a.test')] }));
  await assert.rejects(inside.resolve('a.test'), { code: 'ESERVFAIL' });
  const between = await setup(({ name }) => ({
    answers: [cname(name, name === 'a.test' ? 'b.test' : 'a.test')],
  }));
  await assert.rejects(between.resolve('a.test'), { code: 'ESERVFAIL' });
  assert.ok(between.questions.length < 30);
  assert.equal(between.client.exports.queryCount(), 0);
});

test('no such name and no address, kept as long as the SOA says', async () => {
  for (const rcode of [3, 0]) {
    const { resolve, questions, simulation } = await setup(() => ({ rcode, authority: [soa(600, 30)] }));
    await assert.rejects(resolve('nothing.test'), { code: 'ENOTFOUND' });
    await assert.rejects(resolve('nothing.test'), { code: 'ENOTFOUND' });
    assert.equal(questions.length, 1);
    simulation.run(30_000);
    await assert.rejects(resolve('nothing.test'), { code: 'ENOTFOUND' });
    assert.equal(questions.length, 2);
  }
});

test('a negative answer without an SOA is not kept', async () => {
  const { resolve, questions } = await setup(() => ({ rcode: 3 }));
  await assert.rejects(resolve('nothing.test'), { code: 'ENOTFOUND' });
  await assert.rejects(resolve('nothing.test'), { code: 'ENOTFOUND' });
  assert.equal(questions.length, 2);
});

test('search domains: short names first there, names with a dot first as they are', async () => {
  const exists = new Set(['host.b.test', 'x.y.a.test']);
  const answer = ({ name }: Question): Reply => (exists.has(name) ? { answers: [a(name, 9)] } : { rcode: 3 });
  const dns = { servers: [serverAddress], search: ['a.test', 'b.test'] };
  const short = await setup(answer, dns);
  assert.deepEqual((await short.resolve('host')).addresses, [9]);
  assert.deepEqual(
    short.questions.map(({ name }) => name),
    ['host.a.test', 'host.b.test'],
  );
  const dotted = await setup(answer, dns);
  assert.deepEqual((await dotted.resolve('x.y')).addresses, [9]);
  assert.deepEqual(
    dotted.questions.map(({ name }) => name),
    ['x.y', 'x.y.a.test'],
  );
  const absolute = await setup(answer, dns);
  await assert.rejects(absolute.resolve('host.'), { code: 'ENOTFOUND' });
  assert.equal(absolute.questions.length, 1);
});

test('a server that refuses, fails, is silent or not there: the next one', async () => {
  for (const reply of [{ rcode: 5 }, { rcode: 2 }, undefined]) {
    const state = await setup(() => reply, { servers: [serverAddress, clientAddress] });
    const second = state.client.udpBind(53);
    second.onDatagram = ({ bytes, peerAddress, peerPort }) => {
      second.send(peerAddress, peerPort, emit(bytes, { answers: [a('www.test', 3)] }));
    };
    assert.deepEqual((await state.resolve('www.test')).addresses, [3]);
    // The one that answered is asked first from now on.
    const before = state.questions.length;
    await state.resolve('other.test').catch(() => {});
    assert.ok(reply === undefined || state.questions.length >= before);
  }
  const closed = await setup(() => undefined, { servers: [0x0a000077, serverAddress] });
  await assert.rejects(closed.resolve('www.test', 100_000), { code: 'ESERVFAIL' });
  assert.equal(closed.client.exports.udpSocketCount(), 0);
  assert.equal(closed.client.exports.queryCount(), 0);
});

test('a truncated answer is asked for over TCP', async () => {
  const many = Array.from({ length: 40 }, (_, i) => a('www.test', i + 1));
  const { resolve, questions, client } = await setup(({ overTcp }) =>
    overTcp ? { answers: many } : { truncated: true },
  );
  const { addresses } = await resolve('www.test');
  assert.deepEqual(
    addresses,
    Array.from({ length: 16 }, (_, i) => i + 1),
  );
  assert.deepEqual(
    questions.map(({ overTcp }) => overTcp),
    [false, true],
  );
  assert.equal(client.exports.queryCount(), 0);
});

test('TCP that is refused or cut off: tried again, then ESERVFAIL, nothing left', async () => {
  const { resolve, client, simulation } = await setup(({ overTcp }) =>
    overTcp ? undefined : { truncated: true },
  );
  await assert.rejects(resolve('www.test'), { code: 'ESERVFAIL' });
  simulation.run(100);
  assert.equal(client.exports.queryCount(), 0);
  assert.equal(client.exports.udpSocketCount(), 0);
  assert.equal(client.exports.connectionsInUse(), 0);
});

test('forged answers do not count: identifier, question, source', async () => {
  let forged = 0;
  const state = await setup(({ identifier, name }) => {
    forged++;
    return forged === 1
      ? { answers: [a(name, 66)], edit: (message) => message.fill((identifier >> 8) ^ 1, 0, 1) }
      : forged === 2
        ? { answers: [a(name, 66)], edit: (message) => message.fill('v'.charCodeAt(0), 13, 14) }
        : { answers: [a(name, 1)] };
  });
  assert.deepEqual((await state.resolve('www.test')).addresses, [1]);
  assert.equal(forged, 3);
});

test('identifiers and ports differ from request to request', async () => {
  const { resolve, questions } = await setup(({ name }) => ({ answers: [a(name, 1)] }));
  for (let i = 0; i < 50; i++) await resolve(`n${i}.test`);
  assert.ok(new Set(questions.map(({ identifier }) => identifier)).size >= 48);
  assert.ok(new Set(questions.map(({ peerPort }) => peerPort)).size >= 48);
});

test('addresses, localhost and what is no name need no server', async () => {
  const { resolve, questions } = await setup(() => undefined);
  assert.deepEqual((await resolve('192.0.2.7')).addresses, [0xc0000207]);
  for (const name of ['localhost', 'LOCALHOST.', 'a.localhost'])
    assert.deepEqual((await resolve(name)).addresses, [0x7f000001]);
  for (const name of ['', '.', 'a..b', `${'x'.repeat(64)}.test`, 'ä.test', 'a b', `${'abc.'.repeat(70)}test`])
    await assert.rejects(resolve(name), { code: 'EINVAL' });
  assert.equal(questions.length, 0);
});

test('look-ups of one name at one time share a request', async () => {
  const { client, simulation, questions } = await setup(({ name }) => ({ answers: [a(name, 4)] }));
  const all = Promise.all(Array.from({ length: 20 }, () => client.dnsResolve('www.test')));
  simulation.run(100);
  assert.deepEqual(
    (await all).map(({ addresses }) => addresses),
    Array.from({ length: 20 }, () => [4]),
  );
  assert.equal(questions.length, 1);
  assert.equal(client.exports.queryCount(), 0);
});

test('without a server a look-up waits for one', async () => {
  const { client, simulation } = await setup(({ name }) => ({ answers: [a(name, 4)] }), {});
  const answer = client.dnsResolve('www.test');
  simulation.run(3_000);
  client.exports.fixServer(serverAddress);
  client.exports.dnsServersChanged();
  simulation.run(100);
  assert.deepEqual((await answer).addresses, [4]);
});

test('the cache stays within its bounds', async () => {
  const { client, simulation } = await setup(({ name }) => ({ answers: [a(name, 1)] }));
  for (let i = 0; i < 300; i++) {
    const answer = client.dnsResolve(`n${i}.test`);
    simulation.run(5);
    await answer;
  }
  assert.equal(client.exports.cacheLength(), 256);
});

test('names whose servers never answer leave room for others', async () => {
  const { client, simulation, resolve } = await setup(({ name }) =>
    name.endsWith('slow.test') ? undefined : { answers: [a(name, 6)] },
  );
  let failed = 0;
  const slow = (name: string): void => {
    client.dnsResolve(name).catch(() => failed++);
  };
  // 512 in all: names of their own, and one that many wait for.
  for (let i = 0; i < 256; i++) {
    slow(`${i}.slow.test`);
    slow('one.slow.test');
  }
  simulation.run(2000);
  assert.deepEqual((await resolve('www.test')).addresses, [6]);
  await Promise.resolve();
  assert.equal(failed, 1);
  // The next in the row is waited for by 256: all of them make room.
  for (let i = 0; i < 50; i++) slow(`again${i}.slow.test`);
  simulation.run(10);
  await Promise.resolve();
  assert.ok(failed >= 51, `${failed}`);
  simulation.run(60_000);
  await Promise.resolve();
  assert.equal(client.exports.queryCount(), 0);
});
