import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createDnsForwarder, parseResolver } from './dns-forwarder.js';
import { emitReply, parseQuery, recordTypes, responseCodes } from './dns-message.js';

function query(name: string, type: number = recordTypes.a, id = 0x1234): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  return new Uint8Array([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}
const codeOf = (reply: Uint8Array | undefined): number => reply![3]! & 15;
const answersOf = (reply: Uint8Array | undefined): number[] => {
  const view = new DataView(reply!.buffer, reply!.byteOffset, reply!.length);
  return Array.from({ length: view.getUint16(6) }, (_, index) =>
    view.getUint32(reply!.length - 4 - 16 * index),
  );
};
const own = {
  lookUp: (name: string) => (name === 'web.noos.internal' ? 0x0a630002 : undefined),
  ownDomains: ['noos.internal'],
};

test('names of the network are answered here, others below its domain do not exist', async () => {
  const forwarder = createDnsForwarder({ ...own, resolvers: [] });
  assert.deepEqual(answersOf(await forwarder.answer(query('WEB.noos.internal'), false)), [0x0a630002]);
  const aaaa = await forwarder.answer(query('web.noos.internal', recordTypes.aaaa), false);
  assert.equal(codeOf(aaaa), responseCodes.noError);
  assert.deepEqual(answersOf(aaaa), []);
  assert.equal(codeOf(await forwarder.answer(query('nobody.noos.internal'), false)), responseCodes.nameError);
  assert.equal(codeOf(await forwarder.answer(query('example.com'), false)), responseCodes.serverFailure);
});

test('what is no query gets no answer', async () => {
  const forwarder = createDnsForwarder({ ...own, resolvers: [] });
  const good = query('web.noos.internal');
  for (let length = 0; length < good.length; length++)
    assert.equal(await forwarder.answer(good.subarray(0, length), false), undefined);
  const response = good.slice();
  response[2]! |= 0x80;
  assert.equal(await forwarder.answer(response, false), undefined);
  const pointer = good.slice();
  pointer[12] = 0xc0;
  assert.equal(await forwarder.answer(pointer, false), undefined);
});

test('other names go to the resolvers, over UDP or TCP as asked, the next one when one is down', async (t) => {
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const forged = new Uint8Array(message);
    forged[0]! ^= 1;
    forged[2]! |= 0x80;
    udp.send(forged, from.port, from.address);
    udp.send(emitReply(message, parseQuery(message)!, 0, [0xc0000201], 60), from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  const tcp = createServer((socket) =>
    socket.on('data', (message) => {
      const bytes = message.subarray(2);
      const reply = emitReply(bytes, parseQuery(bytes)!, 0, [0xc0000202, 0xc0000203], 60);
      socket.write(new Uint8Array([0, reply.length]));
      socket.write(reply);
    }),
  );
  await new Promise<void>((resolve) => tcp.listen(udp.address().port, '127.0.0.1', resolve));
  t.after(() => {
    udp.close();
    tcp.close();
  });
  const forwarder = createDnsForwarder({
    ...own,
    resolvers: ['127.0.0.1:1', `127.0.0.1:${udp.address().port}`],
  });
  assert.deepEqual(answersOf(await forwarder.answer(query('example.com'), false)), [0xc0000201]);
  assert.deepEqual(answersOf(await forwarder.answer(query('example.com'), true)), [0xc0000203, 0xc0000202]);
});

test('close ends queries in progress', async () => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const forwarder = createDnsForwarder({ ...own, resolvers: [`127.0.0.1:${silent.address().port}`] });
  const answer = forwarder.answer(query('example.com'), false);
  await new Promise((resolve) => silent.once('message', resolve));
  forwarder.close();
  assert.equal(codeOf(await answer), responseCodes.serverFailure);
  silent.close();
});

test('resolvers are read as dns.getServers writes them', () => {
  assert.deepEqual(parseResolver('192.0.2.1'), { host: '192.0.2.1', port: 53 });
  assert.deepEqual(parseResolver('192.0.2.1:5353'), { host: '192.0.2.1', port: 5353 });
  assert.deepEqual(parseResolver('[2001:db8::1]:54'), { host: '2001:db8::1', port: 54 });
  assert.deepEqual(parseResolver('2001:db8::1'), { host: '2001:db8::1', port: 53 });
});
