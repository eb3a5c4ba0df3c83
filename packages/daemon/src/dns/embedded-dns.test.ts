import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { createNetworkNamespace, unmount } from '@noos/linux';
import { decode, encode } from 'dns-packet';
import { createLogger } from '../log.js';
import { createEmbeddedDns } from './embedded-dns.js';
import { withLength } from './forward.js';

const upstreamPort = 10053;

async function namespace(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'noos-dns-'));
  const path = join(directory, 'ns');
  await createNetworkNamespace(path);
  t.after(async () => {
    await unmount(path);
    await rm(directory, { recursive: true });
  });
  return path;
}

/** A server outside that answers `address` to everything, in as many datagrams as `behave` says. */
function upstream(t: TestContext, host: string, answer: (query: Buffer) => Buffer | undefined) {
  const udp = createSocket('udp4');
  udp.on('message', (query, { port, address }) => {
    const reply = answer(query);
    if (reply) udp.send(reply, port, address);
  });
  const tcp = createServer((connection) =>
    connection.on('data', (bytes) => {
      const reply = answer(bytes.subarray(2));
      if (reply) connection.end(withLength(reply));
    }),
  );
  t.after(() => {
    udp.close();
    tcp.close();
  });
  return Promise.all([
    new Promise<void>((resolve) => udp.bind(upstreamPort, host, resolve)),
    new Promise<void>((resolve) => tcp.listen(upstreamPort, host, resolve)),
  ]);
}

const reply = (query: Buffer, data: string | undefined, flags = 0) => {
  const { id = 0, questions = [] } = decode(query);
  return encode({
    id,
    type: 'response',
    flags,
    questions,
    answers: data ? [{ type: 'A', name: questions[0]!.name, data }] : [],
  });
};

/** Asks from inside the namespace by a program of its own, as an application would. */
const program = `
const [mode, name] = process.argv.slice(1);
const question = name.split('.').map((part) => String.fromCharCode(part.length) + part).join('') + '\\0\\0\\x01\\0\\x01';
const query = Buffer.from('\\0\\x07\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + question, 'latin1');
const show = (reply) => {
  console.log(reply[3] & 15, reply.readUInt16BE(6) ? [...reply.subarray(-4)].join('.') : 'none');
  process.exit();
};
if (mode === 'tcp') {
  const socket = require('net').connect(53, '127.0.0.11');
  socket.on('data', (bytes) => show(bytes.subarray(2)));
  socket.write(Buffer.concat([Buffer.from([0, query.length]), query]));
} else {
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (reply, { address, port }) => show(address + port === '127.0.0.1153' ? reply : Buffer.alloc(12)));
  socket.send(query, 53, '127.0.0.11');
}
setTimeout(() => process.exit(1), 5000);
`;
const lookUp = async (path: string, name: string, mode = 'udp') => {
  const words = [`--net=${path}`, process.execPath, '-e', program, mode, name];
  return (await promisify(execFile)('nsenter', words)).stdout.trim();
};

function start() {
  const table = new Map<string, string>();
  const dns = createEmbeddedDns({
    names: {
      addresses: (sandbox, name) => {
        const address = table.get(`${sandbox}/${name}`);
        return address === undefined ? undefined : [address];
      },
      nameOf: () => undefined,
    },
    log: createLogger('fatal'),
    upstreamPort,
    upstreamTimeoutMs: 300,
  });
  return { dns, table };
}

test('names inside two sandboxes, live, by UDP and TCP; and after being opened anew', async (t) => {
  const [one, two] = [await namespace(t), await namespace(t)];
  const { dns, table } = start();
  table.set('one/web', '10.0.0.1').set('two/web', '10.0.0.2');
  const settings = { servers: [], forward: false };
  await dns.open({ sandbox: 'one', path: one, ...settings });
  await dns.open({ sandbox: 'two', path: two, ...settings });
  assert.equal(await lookUp(one, 'web'), '0 10.0.0.1');
  assert.equal(await lookUp(two, 'web', 'tcp'), '0 10.0.0.2');
  assert.equal(await lookUp(one, 'db'), '2 none');
  table.set('one/db', '10.0.0.3');
  assert.equal(await lookUp(one, 'db'), '0 10.0.0.3');
  await dns.close('one');
  await dns.close('one');
  await dns.open({ sandbox: 'one', path: one, ...settings });
  assert.equal(await lookUp(one, 'web'), '0 10.0.0.1');
  const { stdout: rules } = await promisify(execFile)('nsenter', [`--net=${one}`, 'nft', 'list', 'ruleset']);
  const rule = (protocol: string) => `ip daddr 127.0.0.11 ${protocol} dport 53 dnat to 127.0.0.11:PORT`;
  assert.equal(
    rules.replace(/127\.0\.0\.11:\d+/g, '127.0.0.11:PORT').replace(/^\s+|;.*$/gm, ''),
    `table ip noos_dns {\nchain output {\ntype nat hook output priority -100\n${rule('udp')}\n${rule('tcp')}\n}\n}\n`,
  );
  await dns.close('one');
  await dns.close('two');
});

test('forwarding: silent, failing, forging servers are passed over; TCP asks by TCP; settings change', async (t) => {
  const path = await namespace(t);
  const { dns } = start();
  await upstream(t, '127.0.0.21', () => undefined);
  await upstream(t, '127.0.0.22', (query) => reply(query, undefined, 2));
  await upstream(t, '127.0.0.23', (query) => {
    const forged = reply(query, '6.6.6.6');
    forged[0]! ^= 1;
    return forged;
  });
  await upstream(t, '127.0.0.24', (query) => reply(query, '192.0.2.7'));
  await upstream(t, '127.0.0.25', (query) => reply(query, undefined, 3));
  const request = { sandbox: 'one', path, forward: true };
  await dns.open({
    ...request,
    servers: ['127.0.0.20', '127.0.0.21', '127.0.0.22', '127.0.0.23', '127.0.0.24'],
  });
  assert.equal(await lookUp(path, 'some.example'), '0 192.0.2.7');
  assert.equal(await lookUp(path, 'some.example', 'tcp'), '0 192.0.2.7');
  await dns.open({ ...request, servers: ['127.0.0.25'] });
  assert.equal(await lookUp(path, 'some.example'), '3 none');
  await dns.open({ ...request, forward: false, servers: ['127.0.0.24'] });
  assert.equal(await lookUp(path, 'some.example'), '2 none');
  await dns.close('one');
});

test('a namespace that does not exist is an error, and can be tried again', async (t) => {
  const { dns } = start();
  const request = { sandbox: 'one', servers: [], forward: false };
  await assert.rejects(dns.open({ ...request, path: '/nowhere/ns' }));
  await dns.close('one');
  await dns.open({ ...request, path: await namespace(t) });
  await dns.close('one');
});
