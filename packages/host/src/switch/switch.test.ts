import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frameCable } from '@noos/libos';
import { createSwitch } from './switch.js';

const mac = (last: number): number[] => [0x82, 0, 0xff, 0xff, 0xff, last];
const broadcast = [255, 255, 255, 255, 255, 255];
const frameOf = (destination: number[], source: number[], payload = 1): Uint8Array =>
  new Uint8Array([...destination, ...source, 0x88, 0xb5, payload]);

/** A switch with `count` stations and what each has received. */
function stations(count: number, maxAddresses?: number) {
  const ethernet = createSwitch(maxAddresses);
  const received: number[][] = [];
  const ends = Array.from({ length: count }, (_, index) => {
    const [station, port] = frameCable();
    received.push([]);
    station.receive = (frame) => received[index]!.push(frame[14]!);
    return { station, detach: ethernet.attach(port) };
  });
  return { ethernet, received, ends };
}

test('an unknown destination is flooded, a learnt one is not, broadcasts always are', () => {
  const { ends, received } = stations(3);
  ends[0]!.station.transmit(frameOf(mac(2), mac(1), 10));
  assert.deepEqual(received, [[], [10], [10]]);
  ends[1]!.station.transmit(frameOf(mac(1), mac(2), 11));
  assert.deepEqual(received, [[11], [10], [10]]);
  ends[0]!.station.transmit(frameOf(mac(2), mac(1), 12));
  assert.deepEqual(received, [[11], [10, 12], [10]]);
  ends[2]!.station.transmit(frameOf(broadcast, mac(3), 13));
  assert.deepEqual(received, [[11, 13], [10, 12, 13], [10]]);
});

test('a station that moves is found at its new port, one that leaves is forgotten', () => {
  const { ends, received, ethernet } = stations(3);
  ends[0]!.station.transmit(frameOf(broadcast, mac(1), 1));
  ends[1]!.station.transmit(frameOf(broadcast, mac(1), 2));
  ends[2]!.station.transmit(frameOf(mac(1), mac(3), 3));
  assert.deepEqual(received[0], [2]);
  assert.deepEqual(received[1], [1, 3]);
  ends[1]!.detach();
  assert.equal(ethernet.addressCount, 1);
  ends[2]!.station.transmit(frameOf(mac(1), mac(3), 4));
  assert.deepEqual(received[0], [2, 4]);
  assert.deepEqual(received[1], [1, 3]);
});

test('the table is bounded: the oldest address makes room', () => {
  const { ends, received, ethernet } = stations(3, 4);
  for (let last = 1; last <= 6; last++) ends[0]!.station.transmit(frameOf(broadcast, mac(last), last));
  assert.equal(ethernet.addressCount, 4);
  received[2]!.length = 0;
  ends[1]!.station.transmit(frameOf(mac(6), mac(100), 60));
  assert.deepEqual(received[2], [], 'mac 6 is known');
  ends[1]!.station.transmit(frameOf(mac(1), mac(100), 61));
  assert.deepEqual(received[2], [61], 'mac 1 was forgotten and is flooded');
});

test('runts, frames to their own port and frames above a port MTU are dropped; group sources are not learnt', () => {
  const ethernet = createSwitch();
  const [a, portA] = frameCable(9000);
  const [b, portB] = frameCable(1500);
  let count = 0;
  b.receive = () => count++;
  ethernet.attach(portA);
  ethernet.attach(portB);
  a.transmit(new Uint8Array(13));
  a.transmit(new Uint8Array(1515).fill(2).fill(255, 0, 6));
  assert.equal(count, 0);
  a.transmit(new Uint8Array(1514).fill(2).fill(255, 0, 6));
  assert.equal(count, 1);
  a.transmit(frameOf(mac(1), mac(1)));
  assert.equal(count, 1);
  assert.equal(ethernet.addressCount, 2);
  a.transmit(frameOf(mac(9), broadcast));
  assert.equal(ethernet.addressCount, 2);
});
