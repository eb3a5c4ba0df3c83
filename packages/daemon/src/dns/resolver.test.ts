import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type RecordType } from 'dns-packet';
import type { Forwarder } from './forward.js';
import { createResolver } from './resolver.js';

const table: Record<string, string[]> = {
  web: ['10.0.0.2', '10.0.0.3', '10.0.0.4'],
  db: ['10.0.0.9', 'fd00::9'],
  crowd: Array.from({ length: 100 }, (_, n) => `10.0.1.${n}`),
};

function start(settings: { forward?: boolean; ndots?: boolean } = {}) {
  const forwarded: string[] = [];
  const forwarder: Forwarder = {
    async ask(query, _message, servers, transport) {
      forwarded.push(`${query.name} ${query.type} ${transport} ${servers}`);
      if (query.name === 'full.example') return 'full';
      return query.name === 'known.example' ? Buffer.from('reply') : undefined;
    },
  };
  const resolver = createResolver(
    { sandbox: 's', servers: ['192.0.2.1'], forward: true, ...settings },
    {
      names: {
        addresses: (sandbox, name, family) => {
          assert.equal(sandbox, 's');
          return table[name]?.filter((address) => address.includes(':') === (family === 6));
        },
        nameOf: (_, address) => (address === '10.0.0.9' ? 'db.front' : undefined),
      },
      forwarder,
    },
  );
  async function ask(name: string, type: string, transport: 'udp' | 'tcp' = 'udp', udpPayloadSize = 0) {
    const message = encode({
      id: 4711,
      type: 'query',
      flags: 0x0100,
      questions: [{ name, type: type as RecordType }],
      ...(udpPayloadSize && {
        additionals: [
          {
            name: '.',
            type: 'OPT',
            udpPayloadSize,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ],
      }),
    });
    const reply = (await resolver.reply(message, transport))!;
    if (reply.toString() === 'reply') return reply.toString();
    const packet = decode(reply) as ReturnType<typeof decode> & { rcode: string; flag_tc: boolean };
    assert.equal(packet.id, 4711);
    assert.equal(packet.questions?.[0]?.name, name);
    const data = (packet.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : ''));
    return { code: packet.rcode, data, truncated: packet.flag_tc };
  }
  return { resolver, ask, forwarded };
}

test('addresses, in rotating order, of one family', async () => {
  const { ask, forwarded } = start();
  const firsts = [];
  for (let n = 0; n < 3; n++) firsts.push(((await ask('WEB', 'A')) as { data: string[] }).data[0]);
  assert.deepEqual(firsts.sort(), table.web);
  assert.deepEqual(await ask('web', 'AAAA'), { code: 'NOERROR', data: [], truncated: false });
  assert.deepEqual(await ask('db', 'AAAA'), { code: 'NOERROR', data: ['fd00::9'], truncated: false });
  assert.deepEqual(await ask('web', 'MX'), { code: 'NOERROR', data: [], truncated: false });
  assert.deepEqual(await ask('9.0.0.10.in-addr.arpa', 'PTR'), {
    code: 'NOERROR',
    data: ['db.front'],
    truncated: false,
  });
  assert.deepEqual(forwarded, []);
});

test('unknown names are forwarded, unless they must not be', async () => {
  const { ask, forwarded } = start();
  assert.equal(await ask('known.example', 'A'), 'reply');
  assert.equal(await ask('known.example', 'TXT', 'tcp'), 'reply');
  assert.deepEqual(await ask('lost.example', 'A'), { code: 'SERVFAIL', data: [], truncated: false });
  assert.deepEqual(await ask('full.example', 'A'), { code: 'REFUSED', data: [], truncated: false });
  assert.deepEqual(forwarded.slice(0, 2), [
    'known.example A udp 192.0.2.1',
    'known.example TXT tcp 192.0.2.1',
  ]);

  const internal = start({ forward: false });
  assert.deepEqual(await internal.ask('known.example', 'A'), {
    code: 'SERVFAIL',
    data: [],
    truncated: false,
  });
  const ndots = start({ ndots: true });
  assert.deepEqual(await ndots.ask('single', 'A'), { code: 'NOERROR', data: [], truncated: false });
  assert.deepEqual([...internal.forwarded, ...ndots.forwarded], []);
});

test('answers are cut to what the client takes', async () => {
  const { ask } = start();
  const sizes = [];
  for (const [transport, size] of [
    ['udp', 0],
    ['udp', 1232],
    ['tcp', 0],
  ] as const) {
    const { data, truncated } = (await ask('crowd', 'A', transport, size)) as {
      data: string[];
      truncated: boolean;
    };
    assert.equal(truncated, transport === 'udp');
    sizes.push(data.length);
  }
  assert.ok(sizes[0]! > 10 && sizes[0]! < sizes[1]! && sizes[1]! < 100 && sizes[2] === 100);
});

test('no bytes break it: every reply is well-formed and repeats the question', async () => {
  const { resolver } = start({ forward: false });
  let seed = 42;
  const random = (bound: number) => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % bound;
  };
  const valid = encode({ id: 1, type: 'query', questions: [{ name: 'web', type: 'A' }] });
  let replies = 0;
  for (let round = 0; round < 20_000; round++) {
    const message =
      round % 2
        ? Buffer.from(valid.subarray(0, 1 + random(valid.length)))
        : Buffer.from(Array.from({ length: random(64) }, () => random(256)));
    if (round % 2 && message.length > 2) message[2 + random(message.length - 2)] = random(256);
    const reply = await resolver.reply(message, 'udp');
    if (!reply) continue;
    replies++;
    assert.equal(reply.readUInt16BE(0), message.readUInt16BE(0));
    assert.ok(reply.readUInt16BE(2) & 0x8000);
    assert.deepEqual(reply.subarray(12, 17), message.subarray(12, 17));
  }
  assert.ok(replies > 100);
  const answer = Buffer.from(valid);
  answer[2] = 0x80;
  assert.equal(resolver.reply(answer, 'udp'), undefined, 'a reply is never answered');
});
