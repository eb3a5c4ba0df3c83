import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateBundle } from './evaluate.js';
import { restore } from './restore.js';
import { createTestPlatform, prelude } from './testing/test-platform.js';

/** Calls every host function with every kind of value in random places; exceptions are fine, traps are not. */
const code = `${prelude}
const detached = new ArrayBuffer(8);
try { detached.transfer(); } catch {}
const values = [
  undefined, null, true, -1, 0, 1, 2, 3, 53, 80, 65535, 65536, 65537, 65538, 1e9, 2 ** 31, 2 ** 32, -(2 ** 31), 2 ** 53, 1e300, 0.5, -0, NaN,
  Infinity, -Infinity, 10n, Symbol('s'), '', 'GET', '/', 'host: a\\r\\n', 'a\\ud800', 'x'.repeat(70000), {}, [], () => 1,
  { valueOf() { throw new Error('valueOf') }, toString() { throw new Error('toString') } },
  { valueOf() { host.udpBind(0, 0); return 5 } },
  new ArrayBuffer(0), new ArrayBuffer(1), new ArrayBuffer(100000), detached, new Uint8Array(5), new SharedArrayBuffer(8),
  new Proxy({}, {}), 0x0a000001, 0x7f000001, 'localhost', '192.0.2.1',
];
const names = Object.keys(host).filter((name) => !['setDispatch', 'exit', 'consoleWrite'].includes(name));
let calls = 0;
function round() {
  for (let i = 0; i < 400; i++) {
    const name = names[Math.floor(Math.random() * names.length)];
    const given = Array.from({ length: Math.floor(Math.random() * 8) }, () => values[Math.floor(Math.random() * values.length)]);
    try { host[name](...given); } catch {}
    calls++;
  }
}
host.setDispatch((kind) => {
  if (kind === 3) log(calls, names.length);
  else if (kind !== 1 && Math.random() < 0.5) return;
  try { round(); } catch {}
});
`;

test('host functions take any arguments without a trap', async () => {
  const evaluated = await evaluateBundle(code);
  for (let seed = 1; seed <= 20; seed++) {
    const test = createTestPlatform(
      seed,
      'net.0.mac=02:00:00:00:00:01\nnet.0.ipv4=10.0.0.1/24\nmemory.engine=33554432\n',
    );
    const { unikernel } = restore(evaluated, test.platform);
    let now = 1_000_000_000n;
    unikernel.start(now, now);
    for (let turn = 0; turn < 20; turn++) {
      now += 100_000_000n;
      unikernel.turn(now, now, 1);
    }
    unikernel.turn(now, now, 8);
    assert.equal(test.panicked, undefined);
    assert.match(test.text(), /\b\d{3,} 3\d\n/, `seed ${seed}`);
  }
});
