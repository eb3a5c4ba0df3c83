/** The same application on every target, with the same results. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runUnikernel, targetNames } from '@noos/host';
import { assertAnswers } from './answers.js';
import { assertWellFormed, packets } from './capture.js';
import { imageOf, patienceMs, repository, type Started, scratch, start, startFor } from './targets.js';

const entry = 'test/apps/service.ts';
const env = { GREETING: 'hello', LIMIT: 3 };
const limit = { timeout: 3 * patienceMs };

const pattern = (length: number): Buffer<ArrayBuffer> => {
  const bytes = Buffer.from(new ArrayBuffer(length));
  for (let index = 0; index < length; index++) bytes[index] = (index * 7) >> 3;
  return bytes;
};

/** Line of the first occurrence of `text` in the application's source, from 1. */
function lineOf(text: string): number {
  const lines = readFileSync(join(repository, entry), 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

interface Times {
  now: number;
  builtAt: string;
  evaluations: number;
}

const json = async (url: string): Promise<unknown> => (await fetch(url)).json();
const text = async (url: string): Promise<string> => (await fetch(url)).text();

for (const target of targetNames)
  describe(`target ${target}`, () => {
    let image: string;
    let service: Started;
    before(async () => {
      image = await imageOf(entry, { env });
      service = await start(image, target);
    });
    after(() => service.end());

    test('answers, and says 404 where there is nothing', limit, async () => {
      assert.equal(await text(`${service.url}/`), 'service\n');
      assert.equal((await fetch(`${service.url}/nowhere`)).status, 404);
    });

    test('the top level was evaluated once, at build; the clock is that of now', limit, async () => {
      const { now, builtAt, evaluations } = (await json(`${service.url}/time`)) as Times;
      assert.equal(evaluations, 1);
      assert.equal(builtAt, '2026-01-01T00:00:00.000Z');
      assert.ok(Math.abs(Date.now() - now) < 3000, `${now}`);
    });

    test('bodies of many sizes come back as they were', limit, async () => {
      for (const size of [0, 1, 1459, 1460, 65_535, 65_536, 1_000_000]) {
        const response = await fetch(`${service.url}/echo`, { method: 'POST', body: pattern(size) });
        assert.equal(response.headers.get('x-method'), 'POST');
        assert.ok(pattern(size).equals(Buffer.from(await response.arrayBuffer())), `${size} bytes`);
      }
    });

    test('big bodies both ways', limit, async () => {
      const body = Buffer.from(await (await fetch(`${service.url}/pattern?n=3000000`)).arrayBuffer());
      assert.ok(body.equals(pattern(3_000_000)));
      const sent = pattern(3_000_000);
      const { bytes, sum } = (await (
        await fetch(`${service.url}/sum`, { method: 'POST', body: sent })
      ).json()) as { bytes: number; sum: number };
      assert.equal(bytes, sent.length);
      assert.equal(
        sum,
        sent.reduce((total, byte) => (total + byte) >>> 0, 0),
      );
    });

    test('streaming bodies both ways, chunked', limit, async () => {
      const response = await fetch(`${service.url}/stream?n=200`);
      assert.equal(response.headers.get('content-length'), null);
      assert.equal((await response.arrayBuffer()).byteLength, 200_000);
      const answer = await new Promise<string>((resolve, reject) => {
        const upload = request(`${service.url}/sum`, { method: 'POST' }, async (incoming) => {
          let all = '';
          for await (const chunk of incoming) all += chunk;
          resolve(all);
        });
        upload.on('error', reject);
        upload.write('one');
        setTimeout(() => upload.end('two'), 50);
      });
      assert.equal((JSON.parse(answer) as { bytes: number }).bytes, 6);
    });

    test('many requests at once and one after another', limit, async () => {
      const sizes = Array.from({ length: 100 }, (_, index) => index * 97);
      const bodies = await Promise.all(
        sizes.map(async (size) => (await fetch(`${service.url}/pattern?n=${size}`)).arrayBuffer()),
      );
      for (const [index, body] of bodies.entries())
        assert.ok(pattern(sizes[index]!).equals(Buffer.from(body)));
    });

    test(
      'a thrown error is a 500 and a source-mapped stack in the log; the service goes on',
      limit,
      async () => {
        assert.equal((await fetch(`${service.url}/throw`)).status, 500);
        await service.shows(/TypeError: exploded as asked/);
        await service.shows(new RegExp(`service\\.ts:${lineOf("throw new TypeError('exploded")}:`));
        assert.equal(await text(`${service.url}/reject`), 'rejected\n');
        await service.shows(/nobody handles this/);
        await service.shows(new RegExp(`service\\.ts:${lineOf('nobody handles this')}:`));
        assert.equal(await text(`${service.url}/`), 'service\n');
      },
    );

    test('echo over TCP, with half-close, and over UDP', limit, async () => {
      const socket = connect({ host: '127.0.0.1', port: service.port(7), allowHalfOpen: true });
      socket.end(pattern(300_000));
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      assert.ok(Buffer.concat(chunks).equals(pattern(300_000)));
      const udp = createSocket('udp4');
      for (const size of [1, 500, 1472]) {
        udp.send(pattern(size), service.port(7, 'udp'), '127.0.0.1');
        const [answer] = (await once(udp, 'message')) as [Buffer];
        assert.ok(answer.equals(pattern(size)));
      }
      udp.close();
    });

    test('outgoing fetch to a service of the host, and a refusal', limit, async () => {
      const server = createServer((incoming, response) => response.end(`you asked for ${incoming.url}`));
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const asked = encodeURIComponent(`http://host.noos.internal:${port}/x?y`);
      assert.equal(await text(`${service.url}/fetch?url=${asked}`), '200 you asked for /x?y');
      server.close();
      server.closeAllConnections();
      assert.equal((await fetch(`${service.url}/fetch?url=${asked}`)).status, 500);
    });

    test('names: the host, itself, and one that does not exist', limit, async () => {
      assert.deepEqual(await json(`${service.url}/resolve?name=host.noos.internal`), ['10.99.0.1']);
      assert.deepEqual(await json(`${service.url}/resolve?name=host`), ['10.99.0.1']);
      assert.deepEqual(await json(`${service.url}/resolve?name=service.noos.internal`), ['10.99.0.2']);
      assert.equal(await json(`${service.url}/resolve?name=nobody.noos.internal`), 'ENOTFOUND');
    });

    test('values of env: compiled in, overridden at start, typed, frozen', limit, async (t) => {
      assert.deepEqual(await json(`${service.url}/env`), { ...env, frozen: true });
      const other = await startFor(t, image, target, { env: { GREETING: 'ahoj = 100 %\n', LIMIT: '7' } });
      assert.deepEqual(await json(`${other.url}/env`), {
        GREETING: 'ahoj = 100 %\n',
        LIMIT: 7,
        frozen: true,
      });
    });

    test('two instances of one image share no randomness', limit, async (t) => {
      const other = await startFor(t, image, target);
      const [one, two] = (await Promise.all([
        json(`${service.url}/random`),
        json(`${other.url}/random`),
      ])) as [unknown[], unknown[]];
      for (const index of [0, 1, 2]) assert.notDeepEqual(one[index], two[index]);
    });

    test('stop finishes a request in progress, refuses new ones and ends with 0', limit, async (t) => {
      const own = await startFor(t, image, target);
      await text(`${own.url}/`);
      const slow = text(`${own.url}/slow?n=400`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      own.stop();
      assert.equal(await slow, 'slow but sure\n');
      assert.equal(await own.exited, 0);
      assert.match(own.output(), /stopped in order/);
      await assert.rejects(fetch(`${own.url}/`));
    });

    test("exit codes are the application's; killed is 137", limit, async (t) => {
      const own = await startFor(t, image, target);
      await fetch(`${own.url}/exit?n=42`).catch(() => {});
      assert.equal(await own.exited, 42);
      const killed = await startFor(t, image, target);
      await text(`${killed.url}/`);
      killed.kill();
      assert.equal(await killed.exited, 137);
    });

    test('evaluated at start (no snapshot) it does the same', limit, async (t) => {
      const late = await startFor(t, await imageOf(entry, { env, snapshot: false }), target);
      const { builtAt, evaluations } = (await json(`${late.url}/time`)) as Times;
      assert.equal(evaluations, 1);
      assert.ok(Math.abs(Date.now() - Date.parse(builtAt)) < patienceMs);
    });

    test('a capture opens in tshark, without a malformed packet', limit, async (t) => {
      const pcap = join(scratch, `${target}.pcapng`);
      const own = await startFor(t, image, target, { pcap });
      await text(`${own.url}/pattern?n=100000`);
      assert.equal(await own.end(), 0);
      assertWellFormed(pcap);
      assert.ok(packets(pcap, 'http.response.code == 200').length >= 1);
      assert.ok(packets(pcap, 'dhcp').length >= 4);
    });

    test('frames of a TAP device are captured too', limit, async (t) => {
      const pcap = join(scratch, `${target}-tap.pcapng`);
      const address = { cidr: '10.95.0.2/24', gateway: '10.95.0.1', dnsServers: [] };
      const own = await runUnikernel(image, {
        target,
        tap: `noosp${target[0]}`,
        address,
        pcap,
        console() {},
      });
      t.after(async () => {
        own.kill();
        await own.exited;
      });
      await assertAnswers('http://10.95.0.2:8080/', 'service\n');
      own.stop();
      assert.equal(await own.exited, 0);
      assertWellFormed(pcap);
      assert.ok(packets(pcap, 'http.response.code == 200').length >= 1);
    });
  });
