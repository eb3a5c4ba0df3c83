/** ARP, IPv4, ICMP, fragments, routes and offloads, frame by frame. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { netFeatures } from '@noos/abi';
import {
  arpFrame,
  be,
  createRawStack,
  icmpMessage,
  internetChecksum,
  ipv4Frame,
  ourMac,
  type PacketFields,
  packetsOf,
  peerMac,
  type RawStack,
  type SentPacket,
  udpDatagram,
  virtioHeaderBytes,
} from './testing/raw-stack.js';

const us = 0xc0000202;
const peer = 0xc0000201;
const icmp = 1;
const udp = 17;
const moreFragments = 0x2000;
const dontFragment = 0x4000;

let stack: RawStack;

beforeEach(async () => {
  stack = await createRawStack();
  stack.exports.interfaceConfigure(0, BigInt(ourMac), 1500, 0);
  stack.exports.interfaceSetAddress(0, us, 24, 0xc00002fe);
  stack.give([arpFrame(1, peer, us)]);
  stack.taken();
});

const echo = (data: ArrayLike<number> = [1, 2, 3, 4]): Uint8Array => icmpMessage(8, 0, 0x00070001, data);
const fromPeer = (fields: Partial<PacketFields>): Uint8Array =>
  ipv4Frame({ source: peer, destination: us, protocol: icmp, payload: echo(), ...fields });

/** What we answer to frames, as IPv4 packets. */
function answers(...frames: Uint8Array[]): SentPacket[] {
  stack.give(frames);
  return packetsOf(stack.taken());
}

/** All frames that answer to frames. */
function answersTo(frames: Uint8Array[]): Uint8Array[] {
  stack.give(frames);
  return stack.taken();
}

/** Hands a datagram to the stack to send; returns what `udpSend` does. */
function send(address: number, length: number, socket = stack.exports.udpBind(0, 0, 0)): number {
  const scratch = stack.exports.scratchAddress();
  return stack.exports.udpSend(socket, address, 9, scratch, length);
}

test('an echo request is answered with its data, bare Ethernet padding left out', () => {
  const [reply] = answers(fromPeer({}));
  assert.deepEqual([reply?.source, reply?.destination, reply?.protocol], [us, peer, icmp]);
  assert.deepEqual(reply?.payload, icmpMessage(0, 0, 0x00070001, [1, 2, 3, 4]));
  const padded = Uint8Array.from([...fromPeer({ payload: echo([]) }), ...new Array(18).fill(0xee)]);
  assert.equal(answers(padded)[0]?.payload.length, 8);
});

test('options in the IPv4 header are skipped', () => {
  const frame = fromPeer({});
  const packet = frame.subarray(virtioHeaderBytes + 14);
  const long = Uint8Array.from([...packet.subarray(0, 20), 7, 7, 4, 0, 0, 0, 0, 0, ...packet.subarray(20)]);
  long[0] = 0x47;
  long.set(be(long.length, 2), 2);
  long.set([0, 0], 10);
  long.set(be(internetChecksum(long.subarray(0, 28)), 2), 10);
  const whole = Uint8Array.from([...frame.subarray(0, virtioHeaderBytes + 14), ...long]);
  assert.equal(answers(whole)[0]?.payload[0], 0);
});

const withOptions = (options: number[]): Uint8Array => {
  const frame = fromPeer({});
  const packet = frame.subarray(virtioHeaderBytes + 14);
  const padded = [...options, ...new Array((4 - (options.length % 4)) % 4).fill(0)];
  const long = Uint8Array.from([...packet.subarray(0, 20), ...padded, ...packet.subarray(20)]);
  long[0] = 0x40 | (5 + padded.length / 4);
  long.set(be(long.length, 2), 2);
  completeHeader(long);
  return Uint8Array.from([...frame.subarray(0, virtioHeaderBytes + 14), ...long]);
};

test('well-formed options of IPv4 are passed over, whatever they are', () => {
  for (const options of [
    [1, 1, 1, 1],
    [0, 7, 0, 9],
    [7, 3, 4, 0],
    [7, 39, 4, ...new Array(36).fill(0)],
    [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [148, 4, 0, 0],
    [130, 11, ...new Array(9).fill(0)],
    [222, 2, 1, 0],
  ])
    assert.equal(answers(withOptions(options)).length, 1, `${options}`);
});

test('malformed options of IPv4 are dropped, source routes always (RFC 1122 §3.2.1.8, RFC 7126)', () => {
  for (const options of [
    [7, 0, 4, 0],
    [7, 1, 4, 0],
    [7, 2, 4, 0],
    [7, 7, 3, 0, 0, 0, 0],
    [7, 9, 4, 0, 0, 0, 0, 0],
    [1, 1, 1, 7],
    [1, 1, 7, 3],
    [68, 3, 5, 0],
    [68, 8, 4, 0, 0, 0, 0, 0],
    [222, 0],
    [222, 1],
    [222, 200],
    [131, 3, 4, 0],
    [131, 7, 4, 192, 0, 2, 2],
    [137, 7, 8, 192, 0, 2, 2],
    [1, 137, 3, 4],
  ])
    assert.equal(answers(withOptions(options)).length, 0, `${options}`);
});

function completeHeader(packet: Uint8Array): void {
  packet.set([0, 0], 10);
  packet.set(be(internetChecksum(packet.subarray(0, (packet[0]! & 15) * 4)), 2), 10);
}

for (const [what, edit] of Object.entries<(frame: Uint8Array) => void>({
  'another version': (frame) => frame.fill(0x65, 14, 15),
  'a header shorter than 20 bytes': (frame) => frame.fill(0x44, 14, 15),
  'a header longer than the packet': (frame) => frame.fill(0x4f, 14, 15),
  'a wrong header checksum': (frame) => frame.fill(frame[24]! ^ 1, 24, 25),
  'a total length beyond the frame': (frame) => frame.fill(200, 17, 18),
  'a total length within the header': (frame) => frame.fill(19, 17, 18),
  'a wrong ICMP checksum': (frame) => frame.fill(frame[36]! ^ 1, 36, 37),
  'another destination address': (frame) => frame.fill(3, 33, 34),
  "another station's Ethernet address": (frame) => frame.fill(9, 5, 6),
  'an unknown EtherType': (frame) => frame.fill(0x86, 12, 13),
}))
  test(`${what}: dropped without an answer`, () => {
    const frame = fromPeer({ edit });
    // The header's checksum is right again, so that the check meant is the one that drops.
    if (what !== 'a wrong header checksum') completeHeader(frame.subarray(virtioHeaderBytes + 14));
    assert.deepEqual(answers(frame), []);
    assert.equal(answers(fromPeer({})).length, 1);
  });

test('martians are dropped: echo requests, datagrams and SYNs from sources that no packet comes from', () => {
  stack.exports.interfaceConfigure(1, BigInt(ourMac + 1), 1500, 0);
  stack.exports.interfaceSetAddress(1, 0x0a000002, 8, 0);
  const syn = [...be(5, 2), ...be(80, 2), ...be(1, 4), ...be(0, 4), 0x50, 2, ...be(1000, 2), 0, 0, 0, 0];
  const sources = [0, 1, 0x00ffffff, 0x7f000001, 0xe0000001, 0xef000001, 0xf0000001, 0xfffffffe, 0xffffffff];
  for (const source of [...sources, us, 0x0a000002, 0xc00002ff]) {
    assert.deepEqual(answers(fromPeer({ source })), [], source.toString(16));
    for (const payload of [udpDatagram(5, 9, [0]), syn])
      assert.deepEqual(answers(fromPeer({ source, protocol: payload === syn ? 6 : udp, payload })), []);
  }
  assert.equal(stack.exports.neighbourCount(), 1);
  assert.equal(answers(fromPeer({})).length, 1);
});

test('source 0.0.0.0 asks a DHCP server by broadcast and does nothing else', () => {
  const { exports } = stack;
  const servers = [67, 68].map((port) => exports.udpBind(0, port, 0));
  const taken = (): boolean[] =>
    servers.map((socket) => exports.udpReceive(socket, exports.scratchAddress(), 2000) >= 0);
  const ask = (fields: Partial<PacketFields>, port: number): Uint8Array =>
    fromPeer({ source: 0, protocol: udp, payload: udpDatagram(68, port, [1]), ...fields });
  stack.give([ask({ destination: us }, 67), ask({ destination: 0xc00002ff }, 67)]);
  assert.deepEqual(taken(), [false, false]);
  stack.give([ask({ destination: 0xffffffff }, 68)]);
  assert.deepEqual(taken(), [false, false]);
  stack.give([ask({ destination: 0xffffffff }, 67)]);
  assert.deepEqual(taken(), [true, false]);
});

test('martian destinations are dropped, by a gateway too', () => {
  stack.exports.interfaceSetAnyAddress(0, 1, 1);
  stack.exports.udpBindWildcard(0);
  const sent = (destination: number): number =>
    answers(fromPeer({ destination, protocol: 99, payload: new Uint8Array(8) })).length;
  for (const destination of [0, 1, 0x7f000001, 0xe0000005, 0xf0000001]) assert.equal(sent(destination), 0);
  assert.equal(sent(0x08080808), 1);
});

test('broadcasts: no echo reply, no error', () => {
  for (const destination of [0xffffffff, 0xc00002ff, 0xe0000001]) {
    assert.deepEqual(answers(fromPeer({ destination })), []);
    assert.deepEqual(answers(fromPeer({ destination, protocol: 99 })), []);
    assert.deepEqual(answers(fromPeer({ destination, protocol: udp, payload: udpDatagram(1, 9, [0]) })), []);
  }
  // Unicast inside a broadcast frame (RFC 1122 §3.3.6).
  assert.deepEqual(answers(fromPeer({ destinationMac: 0xffffffffffff })), []);
});

test('protocol and port unreachable quote the packet', () => {
  const request = fromPeer({ protocol: 99, payload: [1, 2, 3, 4, 5, 6, 7, 8, 9] });
  const [error] = answers(request);
  assert.deepEqual([...error!.payload.subarray(0, 2)], [3, 2]);
  assert.equal(internetChecksum(error!.payload), 0);
  assert.deepEqual(error!.payload.subarray(8), request.subarray(virtioHeaderBytes + 14));
  const [port] = answers(fromPeer({ protocol: udp, payload: udpDatagram(5, 9, new Uint8Array(1400)) }));
  assert.deepEqual([...port!.payload.subarray(0, 2)], [3, 3]);
  assert.equal(port!.packet.byteLength, 576);
});

test('errors are limited in rate: a burst of 50, then 1000 a second', () => {
  const one = fromPeer({ protocol: 99, payload: new Uint8Array(8) });
  assert.equal(answers(...new Array(200).fill(one)).length, 50);
  stack.pass(10);
  assert.equal(answers(...new Array(200).fill(one)).length, 10);
});

test('ARP: answers for our address only, learns from what concerns us', () => {
  stack.give([arpFrame(1, peer, us)]);
  const [reply] = stack.taken();
  assert.deepEqual(
    [...reply!.subarray(virtioHeaderBytes)],
    [...be(peerMac, 6), ...be(ourMac, 6), 8, 6, 0, 1, 8, 0, 6, 4, 0, 2]
      .concat([...be(ourMac, 6), ...be(us, 4)])
      .concat([...be(peerMac, 6), ...be(peer, 4)]),
  );
  stack.give([arpFrame(1, peer, 0xc0000203), arpFrame(1, 0xc0000299, 0xc0000298)]);
  assert.deepEqual(stack.taken(), []);
  assert.equal(stack.exports.neighbourCount(), 1);
  // A probe (sender 0) is answered and not learnt (RFC 5227 §2.1.1).
  stack.give([arpFrame(1, 0, us)]);
  assert.equal(stack.taken().length, 1);
  assert.equal(stack.exports.neighbourCount(), 1);
});

test('ARP: an answer that nobody asked for adds no neighbour; one claim to our address is no conflict', () => {
  stack.give([arpFrame(2, 0xc0000266, us, 0x020000000066)]);
  assert.equal(stack.exports.neighbourCount(), 1);
  for (const sender of [0x7f000001, 0xe0000001, 0xf0000001, 0x00000005])
    stack.give([arpFrame(1, sender, us, 0x020000000066)]);
  assert.equal(stack.exports.neighbourCount(), 1);
  assert.deepEqual(stack.taken(), []);
});

test('ARP of a gateway: any address is answered for, but a probe only by its owner', () => {
  stack.exports.interfaceSetAnyAddress(0, 1, 1);
  stack.give([arpFrame(1, peer, 0x08080808)]);
  assert.equal(stack.taken().length, 1);
  stack.give([arpFrame(1, 0, 0xc0000299), arpFrame(1, peer, peer)]);
  assert.deepEqual(stack.taken(), []);
  stack.give([arpFrame(1, 0, us)]);
  assert.equal(stack.taken().length, 1);
});

test('ARP: packets wait for the answer, at most eight, the oldest go', () => {
  const socket = stack.exports.udpBind(0, 0, 0);
  for (let length = 1; length <= 12; length++) send(0xc0000205, length, socket);
  const requests = stack.taken();
  assert.equal(requests.length, 1);
  assert.equal(requests[0]![virtioHeaderBytes + 13], 6);
  stack.give([arpFrame(2, 0xc0000205, us, 0x020000000005)]);
  const sent = packetsOf(stack.taken());
  assert.deepEqual(
    sent.map(({ payload }) => payload.length - 8),
    [5, 6, 7, 8, 9, 10, 11, 12],
  );
  assert.equal(stack.exports.waitingBytesNow(), 0);
});

test('ARP: the cache is bounded, and so is what waits in it', () => {
  const socket = stack.exports.udpBind(0, 0, 0);
  stack.exports.interfaceSetAddress(0, us, 16, 0);
  for (let host = 0; host < 2000; host++) send(0xc0001000 + host, 1400, socket);
  assert.equal(stack.exports.neighbourCount(), 512);
  assert.ok(stack.exports.waitingBytesNow() <= 256 * 1024);
  for (let i = 0; i < 5; i++) stack.pass(1100);
  assert.equal(stack.exports.waitingBytesNow(), 0);
  assert.ok(stack.exports.neighbourCount() <= 1);
});

test('ARP: neighbours in use stay, whatever comes from other addresses', () => {
  stack.exports.interfaceSetAddress(0, us, 16, 0);
  const socket = stack.exports.udpBind(0, 0, 0);
  for (let host = 0; host < 100; host++) {
    stack.give([arpFrame(1, 0xc0000300 + host, us)]);
    send(0xc0000300 + host, 1, socket);
  }
  stack.taken();
  // ARP messages from everywhere, then packets whose answers find nobody.
  for (let host = 0; host < 2000; host++) stack.give([arpFrame(1, 0xc0001000 + host, us)]);
  for (let host = 0; host < 2000; host++) stack.give([fromPeer({ source: 0xc0002000 + host })]);
  stack.taken();
  for (let host = 0; host < 100; host++) send(0xc0000300 + host, 1, socket);
  assert.equal(packetsOf(stack.taken()).length, 100, 'sent at once, without asking again');
});

test('ARP: a stale neighbour is asked alone and kept while it answers', () => {
  stack.pass(31_000);
  send(peer, 10);
  const frames = stack.taken();
  assert.equal(packetsOf(frames).length, 1);
  const probe = frames.find((frame) => frame[virtioHeaderBytes + 13] === 6)!;
  assert.deepEqual([...probe.subarray(virtioHeaderBytes, virtioHeaderBytes + 6)], be(peerMac, 6));
  for (let i = 0; i < 4; i++) stack.pass(1001);
  assert.equal(stack.exports.neighbourCount(), 0);
});

const fragmentsOf = (data: Uint8Array, size: number, identification = 77): Uint8Array[] => {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size)
    frames.push(
      fromPeer({
        payload: data.subarray(at, at + size),
        identification,
        fragment: (at + size < data.length ? moreFragments : 0) | (at >> 3),
      }),
    );
  return frames;
};
const long = echo(Uint8Array.from({ length: 4000 }, (_, i) => i & 255));

test('fragments in any order come together; the answer is cut again', () => {
  const orders = [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
  ];
  for (const order of orders) {
    const frames = fragmentsOf(long, 1480);
    const reply = answers(...order.map((i) => frames[i]!));
    assert.equal(reply.length, 3);
    const whole = Buffer.concat(reply.map(({ payload }) => payload));
    assert.deepEqual(new Uint8Array(whole.subarray(8)), long.slice(8));
    assert.deepEqual(
      reply.map(({ fragment }) => fragment),
      [moreFragments, moreFragments | 185, 370],
    );
    assert.equal(new Set(reply.map(({ packet }) => packet.getUint16(4))).size, 1);
  }
  assert.equal(stack.exports.fragmentsPending(), 0);
});

test('overlapping, contradicting and overlong fragments drop the datagram', () => {
  const [first, second, third] = fragmentsOf(long, 1480) as [Uint8Array, Uint8Array, Uint8Array];
  const overlap = fromPeer({
    payload: long.subarray(9, 25),
    identification: 77,
    fragment: moreFragments | 1,
  });
  assert.deepEqual(answers(first, overlap, second, third), []);
  const endBefore = fromPeer({ payload: long.subarray(0, 8), identification: 78, fragment: 1 });
  const beyond = fromPeer({ payload: long.subarray(0, 8), identification: 78, fragment: 10 });
  assert.deepEqual(answers(endBefore, beyond), []);
  const tooLong = fromPeer({ payload: new Uint8Array(1480), identification: 79, fragment: 8191 });
  const odd = fromPeer({ payload: new Uint8Array(13), identification: 80, fragment: moreFragments });
  assert.deepEqual(answers(tooLong, odd), []);
  stack.pass(31_000);
  assert.equal(stack.exports.fragmentsPending(), 0);
});

test('repeated fragments are ignored, in any order; one that differs drops the datagram', () => {
  const frames = fragmentsOf(long, 1480);
  const within = fromPeer({ payload: long.subarray(8, 24), identification: 77, fragment: moreFragments | 1 });
  for (const order of [
    [0, 0, 1, 2],
    [2, 2, 1, 1, 0],
    [1, 0, 1, 0, 2],
  ])
    assert.equal(answers(...order.map((i) => frames[i]!)).length, 3, `${order}`);
  assert.equal(answers(frames[0]!, within, frames[1]!, within, frames[2]!).length, 3);
  const changed = long.slice(0, 1480);
  changed[700]! ^= 1;
  const differs = fromPeer({ payload: changed, identification: 77, fragment: moreFragments });
  assert.deepEqual(answers(frames[0]!, differs, frames[1]!, frames[2]!), []);
  stack.pass(31_000);
  // The same bytes, said once to be the last and once not.
  const [first, end] = fragmentsOf(long.subarray(0, 2960), 1480, 78) as [Uint8Array, Uint8Array];
  const notTheEnd = fromPeer({
    payload: long.subarray(1480, 2960),
    identification: 78,
    fragment: moreFragments | 185,
  });
  assert.deepEqual(answers(end, notTheEnd, first), []);
  assert.equal(stack.exports.fragmentsPending(), 1);
});

test('fragments: at most eight datagrams from one source, and time exceeded after 30 s', () => {
  for (let identification = 1; identification <= 20; identification++)
    stack.give([fragmentsOf(long, 1480, identification)[0]!]);
  assert.equal(stack.exports.fragmentsPending(), 8);
  for (let host = 0; host < 24; host++)
    stack.give([
      fromPeer({ source: 0xc0000210 + host, payload: long.subarray(0, 8), fragment: moreFragments }),
    ]);
  assert.equal(stack.exports.fragmentsPending(), 32);
  stack.taken();
  stack.pass(29_000);
  assert.deepEqual(packetsOf(stack.taken()), []);
  stack.pass(1_001);
  const errors = packetsOf(stack.taken()).filter(({ destination }) => destination === peer);
  assert.equal(errors.length, 8);
  assert.deepEqual([...errors[0]!.payload.subarray(0, 2)], [11, 1]);
  assert.equal(stack.exports.fragmentsPending(), 0);
});

test('fragments: halves of many datagrams, of few sources or of many, leave room for a whole one', () => {
  const half = (source: number, identification: number): Uint8Array =>
    fromPeer({ source, identification, payload: long.subarray(0, 8), fragment: moreFragments });
  for (const sources of [4, 250]) {
    for (let datagram = 0; datagram < 500; datagram++) {
      stack.give([half(0xc0000203 + (datagram % sources), datagram)]);
      if (datagram % 50 !== 0) continue;
      const [first, ...rest] = fragmentsOf(long, 1480);
      stack.give([first!]);
      // The attack continues between the fragments.
      for (let more = 0; more < 3; more++) stack.give([half(0xc0000203 + more, 1000 + datagram + more)]);
      stack.taken();
      assert.ok(packetsOf(answersTo(rest)).length > 0, `${sources} sources, datagram ${datagram}`);
    }
    assert.equal(stack.exports.fragmentsPending(), 32);
  }
});

test('fragmentation needed: the next datagram is cut to the path MTU', () => {
  const socket = stack.exports.udpBind(0, 0, 0);
  send(peer, 1400, socket);
  const [sent] = packetsOf(stack.taken());
  assert.equal(sent!.fragment, dontFragment);
  const quoted = new Uint8Array(sent!.packet.buffer, sent!.packet.byteOffset, 28);
  const error = fromPeer({ payload: icmpMessage(3, 4, 1000, quoted) });
  stack.give([error]);
  send(peer, 1400, socket);
  const pieces = packetsOf(stack.taken());
  assert.equal(pieces.length, 2);
  assert.ok(pieces.every(({ packet }) => packet.byteLength <= 1000));
  // Not for a packet that no socket of ours has sent.
  const forged = quoted.slice();
  forged.set(be(1234, 2), 20);
  forged.set(be(0xc0000207, 4), 16);
  stack.give([fromPeer({ payload: icmpMessage(3, 4, 600, forged) }), arpFrame(1, 0xc0000207, us)]);
  stack.taken();
  send(0xc0000207, 1400, socket);
  assert.equal(packetsOf(stack.taken()).length, 1);
});

test('ICMP errors about UDP: for the flow that was just used alone, and only a longer packet was too long', () => {
  const { exports } = stack;
  const socket = exports.udpBind(0, 0, 0);
  send(peer, 1400, socket);
  const [sent] = packetsOf(stack.taken());
  const quoted = new Uint8Array(sent!.packet.buffer, sent!.packet.byteOffset, 28).slice();
  const changed = (at: number, value: number): Uint8Array => {
    const copy = quoted.slice();
    copy.set(be(value, 2), at);
    return copy;
  };
  const tell = (code: number, mtu: number, quote: Uint8Array, destination = us): number => {
    stack.give([fromPeer({ destination, payload: icmpMessage(3, code, mtu, quote) })]);
    return exports.udpTakeError(socket);
  };
  const pieces = (): number => {
    send(peer, 1400, socket);
    return packetsOf(stack.taken()).length;
  };
  for (const forged of [changed(22, 10), changed(16, 0xc001), changed(2, 576), changed(2, 100)])
    assert.deepEqual([tell(4, 576, forged), pieces()], [0, 1]);
  assert.equal(tell(3, 0, changed(22, 10)), 0);
  // Errors are for one host (RFC 1122 §3.2.2).
  assert.equal(tell(3, 0, quoted, 0xc00002ff), 0);
  assert.equal(tell(3, 0, quoted), -111);
  // No router needs less than 576 bytes.
  assert.deepEqual([tell(4, 68, quoted), pieces()], [-90, 3]);
  const other = exports.udpBind(0, 0, 0);
  send(peer, 1400, other);
  assert.equal(packetsOf(stack.taken()).length, 1, 'another flow to the same host');
});

test('routes: neighbours directly, the rest by the gateway, longest prefix first', () => {
  stack.exports.interfaceConfigure(1, BigInt(ourMac + 1), 1500, 0);
  stack.exports.interfaceSetAddress(1, 0x0a000002, 8, 0);
  stack.exports.routeAdd(0x0a010000, 16, 0xc0000209, 0);
  const asked = (address: number): [number, number] => {
    send(address, 1);
    for (const device of [0, 1])
      for (const frame of stack.taken(device))
        if (frame[virtioHeaderBytes + 13] === 6)
          return [device, new DataView(frame.buffer).getUint32(virtioHeaderBytes + 14 + 24)];
    assert.fail('no request');
  };
  assert.deepEqual(asked(0xc0000244), [0, 0xc0000244]);
  assert.deepEqual(asked(0x08080808), [0, 0xc00002fe]);
  assert.deepEqual(asked(0x0a020202), [1, 0x0a020202]);
  assert.deepEqual(asked(0x0a010101), [0, 0xc0000209]);
});

test('broadcasts leave at once, to everybody, a default route notwithstanding', () => {
  for (const address of [0xffffffff, 0xc00002ff, 0xe0000001]) {
    assert.equal(send(address, 10), 10);
    const [frame] = stack.taken();
    const group = address === 0xe0000001 ? 0x01005e000001 : 0xffffffffffff;
    assert.deepEqual([...frame!.subarray(virtioHeaderBytes, virtioHeaderBytes + 6)], be(group, 6));
  }
});

test('a full device: EAGAIN, and the next send goes out', () => {
  stack.block(true);
  assert.equal(send(peer, 10), -11);
  stack.block(false);
  assert.equal(send(peer, 10), 10);
  assert.equal(packetsOf(stack.taken()).length, 1);
});

test('UDP checksums: wrong ones drop, none is fine, ours are right, 0 is sent as ffff', () => {
  const { exports } = stack;
  const socket = exports.udpBind(0, 7, 0);
  const receive = (): number => exports.udpReceive(socket, exports.scratchAddress(), 2000);
  const datagram = udpDatagram(5, 7, [1, 2, 3]);
  stack.give([fromPeer({ protocol: udp, payload: datagram })]);
  assert.equal(receive(), 3);
  datagram.set([0x12, 0x34], 6);
  stack.give([fromPeer({ protocol: udp, payload: datagram })]);
  assert.equal(receive(), -11);
  // The same bytes when the device vouches for them, or left them partial.
  for (const flag of [1, 2]) {
    const frame = fromPeer({ protocol: udp, payload: datagram });
    frame[0] = flag;
    stack.give([frame]);
    assert.equal(receive(), 3);
  }
  const pseudoSum = ({ source, destination, payload }: SentPacket): number =>
    internetChecksum(
      Uint8Array.from([
        ...be(source, 4),
        ...be(destination, 4),
        0,
        udp,
        ...be(payload.length, 2),
        ...payload,
      ]),
    );
  for (let value = 0; value < 300; value++) {
    new Uint8Array(exports.memory.buffer).set(be(value * 218, 2), exports.scratchAddress());
    exports.udpSend(socket, peer, 9, exports.scratchAddress(), 2);
    const [sent] = packetsOf(stack.taken());
    assert.equal(pseudoSum(sent!), 0);
    assert.notEqual(new DataView(sent!.payload.buffer, sent!.payload.byteOffset).getUint16(6), 0);
  }
});

test('checksum offload: the device is told where, and the field holds the sum of the pseudo-header', () => {
  stack.exports.interfaceConfigure(0, BigInt(ourMac), 1500, netFeatures.csum);
  send(peer, 100);
  const [sent] = packetsOf(stack.taken());
  const { virtio, payload } = sent!;
  assert.deepEqual([virtio.getUint8(0), virtio.getUint8(1)], [1, 0]);
  assert.deepEqual([virtio.getUint16(6, true), virtio.getUint16(8, true)], [34, 6]);
  const pseudo = Uint8Array.from([...be(us, 4), ...be(peer, 4), 0, udp, ...be(payload.length, 2)]);
  const field = new DataView(payload.buffer, payload.byteOffset).getUint16(6);
  assert.equal(field, ~internetChecksum(pseudo) & 0xffff);
});

test('segmentation offload: large segments leave whole, arrive whole, and carry the stream', async () => {
  const offers = netFeatures.csum | netFeatures.hostTso4 | netFeatures.guestCsum | netFeatures.guestTso4;
  const other = await createRawStack();
  stack.exports.interfaceConfigure(0, BigInt(ourMac), 1500, offers);
  other.exports.interfaceConfigure(0, BigInt(peerMac), 1500, offers);
  other.exports.interfaceSetAddress(0, peer, 24, 0);
  const total = 400_000;
  const listener = other.exports.tcpListen(0, 80, 8, 0, 0);
  const client = stack.exports.tcpConnect(0, 0, peer, 80, 0);
  const scratch = stack.exports.scratchAddress();
  let sent = 0;
  let server = 0;
  let received = 0;
  let wrong = 0;
  let large = 0;
  for (let round = 0; round < 4000 && received < total; round++) {
    stack.pass(0.1);
    other.pass(0.1);
    const bytes = Uint8Array.from(
      { length: Math.min(20_000, total - sent) },
      (_, i) => ((sent + i) * 7) & 255,
    );
    new Uint8Array(stack.exports.memory.buffer).set(bytes, scratch);
    const count = bytes.length > 0 ? stack.exports.tcpSend(client, scratch, bytes.length) : 0;
    if (count > 0) sent += count;
    stack.pass(0);
    const frames = stack.taken();
    for (const { virtio, packet } of packetsOf(frames)) {
      if (virtio.getUint8(1) !== 1) continue;
      large++;
      assert.ok(packet.byteLength > 1500);
      assert.equal(virtio.getUint8(0), 1);
      assert.equal(virtio.getUint16(2, true), 34 + (packet.getUint8(32) >> 4) * 4);
      assert.ok(virtio.getUint16(4, true) + virtio.getUint16(2, true) <= 1514);
      assert.deepEqual([virtio.getUint16(6, true), virtio.getUint16(8, true)], [34, 16]);
    }
    other.give(frames);
    if (server === 0) {
      const accepted = other.exports.tcpAccept(listener);
      if (accepted > 0) server = accepted;
    }
    for (let length = 1; server !== 0 && length > 0; ) {
      length = other.exports.tcpReceive(server, other.exports.scratchAddress(), 65_536);
      const view = new Uint8Array(
        other.exports.memory.buffer,
        other.exports.scratchAddress(),
        Math.max(length, 0),
      );
      for (const [i, byte] of view.entries()) if (byte !== (((received + i) * 7) & 255)) wrong++;
      received += Math.max(length, 0);
    }
    other.pass(0);
    stack.give(other.taken());
  }
  assert.deepEqual([received, wrong], [total, 0]);
  assert.ok(large > 10, `${large} large segments`);
});
