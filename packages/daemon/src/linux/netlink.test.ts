import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attribute,
  attributesOf,
  decodeMessages,
  decodeStream,
  encodeMessages,
  integer32,
  messageFlags,
  nested,
  text,
} from './netlink.js';

const encoded = encodeMessages([
  {
    type: 16,
    flags: messageFlags.ack,
    body: [Buffer.from([1, 2, 3, 4]), text(3, 'eth0'), integer32(4, 1500)],
  },
  { type: 20, flags: 0, body: [nested(18, [attribute(1, Buffer.from([7]))])] },
]);

test('messages and attributes survive encoding', () => {
  const [first, second] = [...decodeMessages(encoded)];
  assert.equal(first!.type, 16);
  const attributes = attributesOf(first!.body.subarray(4));
  assert.equal(attributes.get(3)!.toString(), 'eth0\0');
  assert.equal(attributes.get(4)!.readUInt32LE(), 1500);
  assert.deepEqual(attributesOf(attributesOf(second!.body).get(18)!).get(1), Buffer.from([7]));
});

test('a stream cut anywhere gives the same messages', () => {
  const whole = [...decodeMessages(encoded)].map(({ type }) => type);
  for (let cut = 0; cut <= encoded.length; cut++) {
    const decode = decodeStream();
    const types = [...decode(encoded.subarray(0, cut)), ...decode(encoded.subarray(cut))].map(
      ({ type }) => type,
    );
    assert.deepEqual(types, whole, `cut at ${cut}`);
  }
});

test('damaged bytes end the reading, never loop or throw', () => {
  for (let at = 0; at < encoded.length; at++)
    for (const value of [0, 1, 255]) {
      const damaged = Buffer.from(encoded);
      damaged[at] = value;
      for (const { body } of decodeMessages(damaged)) attributesOf(body);
      decodeStream()(damaged);
    }
});
