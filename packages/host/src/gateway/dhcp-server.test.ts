import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIpv4, parseIpv4, parseNetwork } from './address.js';
import { messageTypes } from './dhcp-message.js';
import { createDhcpServer, type DhcpServerOptions } from './dhcp-server.js';

const ip = (text: string): number => parseIpv4(text)!;
const bytes4 = (address: number): number[] => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);

/** A client's message. */
function message(
  type: number,
  mac: number,
  options: Record<number, number[]> = {},
  clientAddress = 0,
): Uint8Array {
  const fixed = new Uint8Array(240);
  fixed.set([1, 1, 6, 0, 0xca, 0xfe, 0, mac]);
  fixed.set(bytes4(clientAddress), 12);
  fixed.set([2, 0, 0, 0, 0, mac], 28);
  fixed.set([0x63, 0x82, 0x53, 0x63], 236);
  const encoded = Object.entries({ 53: [type], ...options }).flatMap(([code, value]) => [
    Number(code),
    value.length,
    ...value,
  ]);
  return new Uint8Array([...fixed, ...encoded, 255]);
}

/** Reply as { type, yiaddr, options }. */
function read(reply: Uint8Array | undefined) {
  assert.ok(reply, 'no reply');
  assert.deepEqual([...reply.subarray(0, 4)], [2, 1, 6, 0]);
  const found = new Map<number, number[]>();
  for (let at = 240; reply[at] !== 255; at += 2 + reply[at + 1]!)
    found.set(reply[at]!, [...reply.subarray(at + 2, at + 2 + reply[at + 1]!)]);
  return { type: found.get(53)?.[0], yiaddr: [...reply.subarray(16, 20)].join('.'), options: found };
}

function make(overrides: Partial<DhcpServerOptions> = {}) {
  const clock = { ms: 1000 };
  const server = createDhcpServer({
    network: parseNetwork('10.99.0.0/24'),
    gateway: ip('10.99.0.1'),
    search: ['noos.internal'],
    mtuBytes: 1500,
    leaseSeconds: 3600,
    nowMs: () => clock.ms,
    ...overrides,
  });
  return { server, clock };
}

test('discover, request: an address with router, DNS, search, MTU and mask', () => {
  const { server } = make();
  const offer = read(server.answer(message(messageTypes.discover, 1)));
  assert.equal(offer.type, messageTypes.offer);
  assert.equal(offer.yiaddr, '10.99.0.2');
  assert.equal(server.addressOf('web'), undefined);
  const name = { 12: [...Buffer.from('Web')] };
  const request = { 50: bytes4(ip('10.99.0.2')), 54: bytes4(ip('10.99.0.1')), ...name };
  const ack = read(server.answer(message(messageTypes.request, 1, request)));
  assert.equal(ack.type, messageTypes.ack);
  assert.equal(ack.yiaddr, '10.99.0.2');
  assert.deepEqual(ack.options.get(1), [255, 255, 255, 0]);
  assert.deepEqual(ack.options.get(3), [10, 99, 0, 1]);
  assert.deepEqual(ack.options.get(6), [10, 99, 0, 1]);
  assert.deepEqual(ack.options.get(26), [5, 220]);
  assert.deepEqual(ack.options.get(51), [0, 0, 14, 16]);
  assert.deepEqual(ack.options.get(119), [4, ...Buffer.from('noos'), 8, ...Buffer.from('internal'), 0]);
  assert.equal(formatIpv4(server.addressOf('web')!), '10.99.0.2');
});

test('every client its own address, the same one again, none when all are taken', () => {
  const { server, clock } = make({ network: parseNetwork('10.99.0.0/29') });
  const offered = [1, 2, 3, 4, 5].map(
    (mac) => read(server.answer(message(messageTypes.discover, mac))).yiaddr,
  );
  assert.deepEqual(offered, ['10.99.0.2', '10.99.0.3', '10.99.0.4', '10.99.0.5', '10.99.0.6']);
  assert.equal(server.answer(message(messageTypes.discover, 6)), undefined);
  assert.equal(read(server.answer(message(messageTypes.discover, 3))).yiaddr, '10.99.0.4');
  clock.ms += 31_000;
  assert.equal(read(server.answer(message(messageTypes.discover, 6))).yiaddr, '10.99.0.2', 'offers run out');
});

test('NAK for an address of another network, of another client, of the gateway', () => {
  const { server } = make();
  read(server.answer(message(messageTypes.request, 1, { 50: bytes4(ip('10.99.0.9')) })));
  for (const wanted of ['192.0.2.1', '10.99.0.9', '10.99.0.1', '10.99.0.255', '10.99.0.0'])
    assert.equal(
      read(server.answer(message(messageTypes.request, 2, { 50: bytes4(ip(wanted)) }))).type,
      messageTypes.nak,
    );
});

test('renewal by ciaddr, release, decline, another server, inform', () => {
  const { server } = make();
  const two = ip('10.99.0.2');
  read(server.answer(message(messageTypes.request, 1, { 50: bytes4(two) })));
  assert.equal(read(server.answer(message(messageTypes.request, 1, {}, two))).type, messageTypes.ack);
  assert.equal(server.answer(message(messageTypes.release, 1, {}, two)), undefined);
  assert.equal(server.leases.size, 0);
  read(server.answer(message(messageTypes.request, 1, { 50: bytes4(two) })));
  assert.equal(server.answer(message(messageTypes.decline, 1, { 50: bytes4(two) })), undefined);
  assert.equal(read(server.answer(message(messageTypes.discover, 2))).yiaddr, '10.99.0.3');
  assert.equal(
    server.answer(
      message(messageTypes.request, 2, { 50: bytes4(ip('10.99.0.3')), 54: bytes4(ip('192.0.2.9')) }),
    ),
    undefined,
  );
  assert.equal(server.leases.size, 0, 'an offer that the client did not take is free');
  assert.equal(read(server.answer(message(messageTypes.inform, 3, {}, ip('10.99.0.7')))).yiaddr, '0.0.0.0');
});

test('what is no request gets no answer', () => {
  const { server } = make();
  const good = message(messageTypes.discover, 1);
  for (let length = 0; length < good.length - 1; length++) {
    const cut = good.slice(0, length);
    if (length < 243) assert.equal(server.answer(cut), undefined);
  }
  for (const [at, value] of [
    [0, 2],
    [1, 6],
    [2, 8],
    [236, 0],
    [242, 77],
  ] as const) {
    const bad = good.slice();
    bad[at] = value;
    assert.equal(server.answer(bad), undefined, `byte ${at}`);
  }
  let seed = 1;
  for (let round = 0; round < 20_000; round++) {
    const noise = good.slice();
    for (let flips = 0; flips < 4; flips++) {
      seed = (seed * 1103515245 + 12345) >>> 0;
      noise[236 + (seed % (noise.length - 236))] = seed >>> 24;
    }
    server.answer(noise);
  }
  assert.ok(server.leases.size <= 1);
});

test('a client declines only the address that it was given', () => {
  const { server } = make({ network: parseNetwork('10.99.0.0/29') });
  for (let last = 2; last < 7; last++)
    server.answer(message(messageTypes.decline, 9, { 50: bytes4(ip(`10.99.0.${last}`)) }));
  assert.equal(read(server.answer(message(messageTypes.discover, 1))).yiaddr, '10.99.0.2');
});
