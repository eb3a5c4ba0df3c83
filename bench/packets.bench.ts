/**
 * The packet path: a UDP datagram in through Ethernet, IPv4 and UDP, answered by the socket's owner, and out again,
 * both checksums computed; stack.wasm under V8. Peer: the same echo by Node's dgram on Linux's loopback.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { report } from './report.js';

const rounds = 5;
const ourDatagrams = 400_000;
const theirDatagrams = 20_000;
/** Datagrams that wait at once, for both. */
const batch = 32;
const headerBytes = 12;
const port = 7;

/** Frame of a datagram from 192.0.2.1:1000 to 192.0.2.2:7 with a zero checksum field in IPv4's header completed. */
function frameOf(payloadBytes: number): Uint8Array {
  const frame = new Uint8Array(headerBytes + 42 + payloadBytes).fill(0x55);
  frame.fill(0, 0, headerBytes);
  const view = new DataView(frame.buffer, headerBytes);
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0], headerBytes);
  view.setUint16(16, 28 + payloadBytes);
  view.setUint32(18, 0x00004000);
  view.setUint16(22, 0x4011);
  view.setUint16(24, 0);
  view.setUint32(26, 0xc0000201);
  view.setUint32(30, 0xc0000202);
  view.setUint16(34, 1000);
  view.setUint16(36, port);
  view.setUint16(38, 8 + payloadBytes);
  view.setUint16(40, 0);
  const sum = (from: number, to: number, start: number): number => {
    let total = start;
    for (let at = from; at < to; at += 2)
      total += (view.getUint8(at) << 8) | (at + 1 < to ? view.getUint8(at + 1) : 0);
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    return ~total & 0xffff;
  };
  view.setUint16(24, sum(14, 34, 0));
  view.setUint16(40, sum(26, 42 + payloadBytes, 17 + 8 + payloadBytes));
  return frame;
}

/** Datagrams per second of our stack, `payloadBytes` each. */
async function ours(payloadBytes: number): Promise<number> {
  const module = await WebAssembly.compile(
    readFileSync(new URL('../../packages/libos/build/stack.wasm', import.meta.url)),
  );
  const template = frameOf(payloadBytes);
  const arp = Uint8Array.from([
    ...new Uint8Array(headerBytes),
    ...[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2],
    ...[2, 0, 0, 0, 0, 1, 192, 0, 2, 1, 2, 0, 0, 0, 0, 2, 192, 0, 2, 2],
  ]);
  let waiting = 0;
  let sent = 0;
  let next = template;
  let memory: Uint8Array = new Uint8Array(0);
  const instance = await WebAssembly.instantiate(module, {
    platform: {
      parameters_read: () => 0,
      net_receive(_device: number, address: number) {
        if (waiting === 0) return 0;
        waiting--;
        // The memory's buffer is a new one after it has grown.
        if (memory.length === 0) memory = new Uint8Array(stack.memory.buffer);
        memory.set(next, address);
        return next.length;
      },
      net_transmit() {
        sent++;
        return 1;
      },
      entropy_read() {},
      memory_release(address: number, length: number) {
        new Uint8Array(stack.memory.buffer, address, length).fill(0);
      },
      panic() {
        throw new Error('panic');
      },
    },
  });
  // biome-ignore lint/suspicious/noExplicitAny: the exports of a wasm instance have no types
  const stack = instance.exports as Record<string, any>;
  stack.stackStart(1n, 1n);
  stack.interfaceConfigure(0, 0x020000000002n, 1500, 0);
  stack.interfaceSetAddress(0, 0xc0000202, 24, 0);
  const socket: number = stack.udpBind(0, port, 0);
  const scratch: number = stack.scratchAddress();
  // The first datagram asks for the neighbour and takes the queue's memory; then nothing is allocated any more.
  const turn = (frames: number, frame: Uint8Array): void => {
    waiting = frames;
    next = frame;
    stack.stackReceive(2n, 2n);
    while (stack.networkUdpEvent() !== 0)
      for (;;) {
        const length: number = stack.udpReceive(socket, scratch, 65_536);
        if (length < 0) break;
        stack.udpSend(socket, stack.peerAddress.value, stack.peerPort.value, scratch, length);
      }
    stack.stackFlush();
  };
  turn(1, template);
  turn(1, arp);
  for (let i = 0; i < 50_000; i += batch) turn(batch, template);
  sent = 0;
  const begin = performance.now();
  for (let i = 0; i < ourDatagrams; i += batch) turn(batch, template);
  const seconds = (performance.now() - begin) / 1000;
  if (sent !== ourDatagrams) throw new Error(`${sent} of ${ourDatagrams} datagrams came back`);
  return sent / seconds;
}

/** Datagrams per second of an echo with Node's dgram, `batch` on their way at once. */
async function theirs(payloadBytes: number): Promise<number> {
  const server = createSocket('udp4');
  const client = createSocket('udp4');
  server.on('message', (message, from) => server.send(message, from.port, from.address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const payload = Buffer.alloc(payloadBytes, 0x55);
  let received = 0;
  const begin = performance.now();
  const done = new Promise<void>((resolve) => {
    client.on('message', () => {
      received++;
      if (received === theirDatagrams) resolve();
      else if (received + batch <= theirDatagrams) client.send(payload, server.address().port, '127.0.0.1');
    });
  });
  for (let i = 0; i < batch; i++) client.send(payload, server.address().port, '127.0.0.1');
  await done;
  const seconds = (performance.now() - begin) / 1000;
  server.close();
  client.close();
  return theirDatagrams / seconds;
}

for (const payloadBytes of [64, 1472]) {
  const figures = { ours: [] as number[], theirs: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    figures.ours.push(await ours(payloadBytes));
    figures.theirs.push(await theirs(payloadBytes));
  }
  report({
    figure: `UDP echo, ${payloadBytes} bytes, datagrams per second`,
    ours: figures.ours,
    peer: 'node dgram',
    theirs: figures.theirs,
    target: { relation: '>=', ratio: 5 },
  });
  console.log(`  ${(1e9 / Math.max(...figures.ours)).toFixed(0)} ns per datagram in and out`);
}
