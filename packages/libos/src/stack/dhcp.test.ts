/** The DHCP client against a scripted server in the simulation: lease, renewal, rebinding, refusal, back-off, conflict. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameDevice } from '../device/frame-device.js';
import { withTrace } from '../device/trace.js';
import { createSimulation, type Simulation } from '../simulation.js';
import type { Stack } from './stack.js';

const serverAddress = 0x0a630001;
const leased = 0x0a630010;
const mac = 0x020000000001;
const types = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7 };

interface Message {
  type: number;
  atMs: number;
  transaction: number;
  clientAddress: number;
  requested: number | undefined;
  server: number | undefined;
  hostName: string | undefined;
  broadcast: boolean;
}

interface Setup {
  simulation: Simulation;
  client: Stack;
  server: Stack;
  messages: Message[];
  /** Reply per message type; undefined: none. */
  answer: (message: Message) => Reply | undefined;
}

interface Reply {
  type: number;
  options?: number[][];
  address?: number;
  /** Server identifier, and the port it answers from. */
  server?: number;
  port?: number;
}

const be32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255);
const leaseOptions = (seconds: number): number[][] => [
  [51, 4, ...be32(seconds)],
  [1, 4, 255, 255, 255, 0],
  [3, 4, ...be32(serverAddress)],
  [6, 8, ...be32(serverAddress), ...be32(0x0a630002)],
  [26, 2, 5, 120],
  [15, 7, ...Buffer.from('a.local')],
];

function parse(bytes: Uint8Array, atMs: number, broadcast: boolean): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  assert.equal(view.getUint32(236), 0x63825363);
  assert.deepEqual([bytes[0], bytes[1], bytes[2]], [1, 1, 6]);
  const options = new Map<number, number>();
  for (let at = 240; bytes[at] !== 255; at += 2 + bytes[at + 1]!) options.set(bytes[at]!, at + 2);
  const at32 = (code: number): number | undefined =>
    options.has(code) ? view.getUint32(options.get(code)!) : undefined;
  const host = options.get(12);
  return {
    type: bytes[options.get(53)!]!,
    atMs,
    transaction: view.getUint32(4),
    clientAddress: view.getUint32(12),
    requested: at32(50),
    server: at32(54),
    hostName:
      host === undefined ? undefined : Buffer.from(bytes.slice(host, host + bytes[host - 1]!)).toString(),
    broadcast,
  };
}

async function setup(
  answer: Setup['answer'],
  wrap = (device: FrameDevice): FrameDevice => device,
): Promise<Setup> {
  const simulation = createSimulation(3);
  const [near, far] = simulation.link();
  const client = await simulation.stack({ interfaces: [{ device: wrap(near), mac, ipv4: 'dhcp' }] });
  const server = await simulation.stack({
    interfaces: [{ device: far, mac: 0x020000000002, ipv4: { address: serverAddress, prefixLength: 24 } }],
  });
  const messages: Message[] = [];
  const result: Setup = { simulation, client, server, messages, answer };
  const socket = server.udpBind(67);
  socket.onDatagram = ({ bytes, localAddress }) => {
    const message = parse(bytes, Number(simulation.nowNs() / 1_000_000n), localAddress === 0xffffffff);
    messages.push(message);
    const reply = result.answer(message);
    if (reply === undefined) return;
    const body = [
      [53, 1, reply.type],
      [54, 4, ...be32(reply.server ?? serverAddress)],
      ...(reply.options ?? []),
      [255],
    ].flat();
    const out = new Uint8Array(240 + body.length);
    const view = new DataView(out.buffer);
    out.set([2, 1, 6, 0]);
    view.setUint32(4, message.transaction);
    view.setUint32(16, reply.address ?? leased);
    out.set(bytes.subarray(28, 34), 28);
    view.setUint32(236, 0x63825363);
    out.set(body, 240);
    const from = reply.port === undefined ? socket : server.udpBind(reply.port);
    from.send(message.clientAddress === 0 ? 0xffffffff : message.clientAddress, 68, out);
  };
  return result;
}

/** A server that gives leases of `seconds`. */
const willing =
  (seconds: number): Setup['answer'] =>
  ({ type }) =>
    type === types.discover
      ? { type: types.offer, options: leaseOptions(seconds) }
      : type === types.request
        ? { type: types.ack, options: leaseOptions(seconds) }
        : undefined;

test('discover, offer, request, acknowledgement', async () => {
  const { simulation, client, messages } = await setup(willing(3600));
  simulation.run(50);
  assert.equal(client.address(0), leased);
  assert.deepEqual(
    messages.map(({ type, requested, server, broadcast }) => ({ type, requested, server, broadcast })),
    [
      { type: types.discover, requested: undefined, server: undefined, broadcast: true },
      { type: types.request, requested: leased, server: serverAddress, broadcast: true },
    ],
  );
  // MTU 1400 of option 26, the router of option 3.
  const probe = client.udpBind(0);
  assert.equal(probe.send(0x08080808, 7, new Uint8Array(10)), 10);
});

test('renewal at half the lease, to the server alone, and the address stays', async () => {
  const { simulation, client, messages } = await setup(willing(1000));
  simulation.run(50);
  simulation.run(501_000);
  const renewal = messages.at(-1)!;
  assert.deepEqual(
    [renewal.type, renewal.clientAddress, renewal.requested, renewal.server, renewal.broadcast],
    [types.request, leased, undefined, undefined, false],
  );
  assert.equal(messages.length, 3);
  simulation.run(5_000_000);
  assert.equal(client.address(0), leased);
  assert.equal(messages.length, 13);
});

test('no answer to renewals: rebinding by broadcast, then the address is given up', async () => {
  const state = await setup(willing(1000));
  const { simulation, client, messages } = state;
  simulation.run(50);
  state.answer = () => undefined;
  simulation.run(999_000);
  const renewals = messages.slice(2);
  assert.equal(client.address(0), leased);
  assert.ok(renewals.some(({ broadcast, atMs }) => broadcast && atMs >= 875_000 && atMs < 1_001_500));
  assert.ok(renewals.every(({ broadcast, atMs }) => broadcast === atMs >= 876_000));
  simulation.run(2_000);
  assert.equal(client.address(0), 0);
  assert.equal(messages.at(-1)?.type, types.discover);
});

test('a refusal begins anew', async () => {
  const state = await setup(willing(1000));
  const { simulation, client, messages } = state;
  simulation.run(50);
  state.answer = (message) =>
    message.type === types.request && message.clientAddress !== 0
      ? { type: types.nak, address: 0 }
      : willing(1000)(message);
  simulation.run(500_500);
  assert.deepEqual(
    messages.map(({ type }) => type),
    [types.discover, types.request, types.request, types.discover, types.request],
  );
  assert.equal(client.address(0), leased);
});

test('back-off: 4, 8, 16, 32, 64, 64 s, each within a second', async () => {
  const { simulation, messages } = await setup(() => undefined);
  simulation.run(200_000);
  const gaps = messages.slice(1).map(({ atMs }, i) => (atMs - messages[i]!.atMs) / 1000);
  for (const [i, expected] of [4, 8, 16, 32, 64].entries())
    assert.ok(Math.abs(gaps[i]! - expected) <= 1, `gap ${i} is ${gaps[i]} s`);
  assert.ok(new Set(messages.map(({ transaction }) => transaction)).size === 1);
});

test('forged replies to a renewal change nothing: another server, another address, another port', async () => {
  const state = await setup(willing(1000));
  const { simulation, client, messages } = state;
  simulation.run(50);
  const forged: Reply[] = [
    { type: types.nak, server: 0x0a630063 },
    { type: types.ack, address: leased + 7, options: leaseOptions(1000) },
    { type: types.nak, port: 6767 },
  ];
  state.answer = () => forged.shift();
  simulation.run(860_000);
  assert.equal(forged.length, 0);
  assert.equal(client.address(0), leased);
  assert.equal(messages.filter(({ type }) => type === types.discover).length, 1);
  state.answer = willing(1000);
  simulation.run(100_000);
  assert.equal(client.address(0), leased);
});

test('one claim to the address is answered, and the lease stays (RFC 5227 §2.4 b)', async () => {
  const { simulation, client, server, messages } = await setup(willing(3600));
  simulation.run(50);
  for (let i = 0; i < 3; i++) {
    server.exports.interfaceSetAddress(0, leased, 24, 0);
    server.exports.arpAnnounce(0);
    server.exports.interfaceSetAddress(0, serverAddress, 24, 0);
    simulation.run(11_000);
  }
  assert.equal(client.address(0), leased);
  assert.ok(messages.every(({ type }) => type !== types.decline));
});

test('another host with the address: declined, later another address', async () => {
  const state = await setup(willing(3600));
  const { simulation, client, server, messages } = state;
  simulation.run(50);
  assert.equal(client.address(0), leased);
  // The server's interface takes the client's address and announces it.
  server.exports.interfaceSetAddress(0, leased, 24, 0);
  server.exports.arpAnnounce(0);
  simulation.run(1);
  server.exports.interfaceSetAddress(0, serverAddress, 24, 0);
  simulation.run(1000);
  assert.equal(client.address(0), 0);
  assert.deepEqual([messages.at(-1)?.type, messages.at(-1)?.requested], [types.decline, leased]);
  state.answer = (message) => {
    const reply = willing(3600)(message);
    return reply && { ...reply, address: leased + 1 };
  };
  simulation.run(11_000);
  assert.equal(client.address(0), leased + 1);
});

test('an interface without an address sends nothing but DHCP', async () => {
  const sent: number[] = [];
  const { simulation } = await setup(
    () => undefined,
    (device) =>
      withTrace(device, (direction, frame) => {
        if (direction === 'transmit') sent.push((frame[12]! << 8) | frame[13]!);
      }),
  );
  simulation.run(30_000);
  assert.ok(sent.length >= 3);
  assert.deepEqual([...new Set(sent)], [0x0800]);
});
