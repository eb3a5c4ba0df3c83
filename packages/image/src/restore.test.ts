import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dispatchKinds, turnEvents } from '@noos/abi';
import { instantiate } from '@noos/engine';
import { compiledLibos } from '@noos/libos';
import { evaluateBundle } from './evaluate.js';
import { restore } from './restore.js';
import { createTestPlatform, prelude, type TestPlatform } from './testing/test-platform.js';

const never = 2n ** 64n - 1n;
const second = 1_000_000_000n;

/** A bundle whose events are handled by the given statements. */
const application = (handlers: Partial<Record<keyof typeof dispatchKinds, string>>, top = ''): string => {
  const cases = Object.entries(handlers).map(
    ([kind, code]) => `case ${dispatchKinds[kind as keyof typeof dispatchKinds]}: { ${code}\nbreak; }`,
  );
  return `${prelude}${top}\nhost.setDispatch((kind, ...values) => { switch (kind) { ${cases.join('\n')} } });`;
};

/** Restores and starts at 5 s. */
const started = async (code: string, { parameters = '', seed = 1, atStart = false } = {}) => {
  const evaluated = await evaluateBundle(code, { atStart });
  const platform = createTestPlatform(seed, parameters);
  const { unikernel } = restore(evaluated, platform.platform);
  const deadline = unikernel.start(5n * second, 1_800_000_000n * second);
  return { unikernel, platform, deadline, evaluated };
};

test('a restored snapshot behaves as the instance it was taken from', async () => {
  const top = `const state = { numbers: [1, 2.5, -0], map: new Map([['key', Symbol.for('s')]]), text: 'grüße' };
    const pending = new Promise((resolve) => { state.resolve = resolve });
    async function* generate() { yield 1; yield await pending; }
    const generator = generate(); let first; generator.next().then((r) => { first = r.value });`;
  const start = `log(JSON.stringify(state), state.map.get('key').toString(), first, Math.random(), host.monotonicMs());
    generator.next().then((r) => log('generated', r.value)); state.resolve(7); host.setDeadline(1.5);`;
  const code = application({ start, timer: 'log("timer", host.monotonicMs(), Date.now())' }, top);
  const run = (unikernel: {
    start: typeof Function.prototype;
    turn: typeof Function.prototype;
  }): bigint[] => {
    const deadline = unikernel.start(5n * second, 1_800_000_000n * second) as bigint;
    return [deadline, unikernel.turn(deadline, 1_800_000_001n * second, 0) as bigint];
  };

  const original = createTestPlatform(3);
  const direct = instantiate(compiledLibos(), original.platform);
  const source = new TextEncoder().encode(`${code}\0`);
  const address = direct.unikernel.allocate(source.length);
  new Uint8Array(direct.libos.memory.buffer).set(source, address);
  assert.equal(direct.unikernel.evaluate(address, source.length - 1), 0);

  const copy = createTestPlatform(3);
  const restored = restore(await evaluateBundle(code), copy.platform);
  assert.deepEqual(run(restored.unikernel as never), run(direct.unikernel as never));
  assert.equal(copy.text(), original.text());
  assert.match(copy.text(), /"grüße".* Symbol\(s\) 1 0\.\d+ 0\ngenerated 7\ntimer 1\.5 1800000001000\n$/s);
});

test('two instances of one image share no randomness', async () => {
  const evaluated = await evaluateBundle(
    application(
      {
        start: `log(Array.from({ length: 4 }, random).join());
        log(Array.from({ length: 4 }, Math.random).join()); log(new Uint8Array(host.entropy(16)).join());`,
      },
      'const { random } = Math;',
    ),
  );
  const lines = [1, 2].map((seed) => {
    const test = createTestPlatform(seed);
    restore(evaluated, test.platform).unikernel.start(0n, 0n);
    return test.text().trim().split('\n');
  });
  const [first, other] = lines as [string[], string[]];
  assert.equal(first.length, 3);
  for (const [index, line] of first.entries()) assert.notEqual(line, other[index]);
  for (const number of (first[1] as string).split(',')) assert.ok(Number(number) >= 0 && Number(number) < 1);
});

test('timers: the deadline of setDeadline comes back from the turn and its event once', async () => {
  const { unikernel, platform, deadline } = await started(
    application({ start: 'host.setDeadline(250)', timer: 'log("timer", host.monotonicMs())' }),
  );
  assert.equal(deadline, 5n * second + 250_000_000n);
  assert.equal(unikernel.turn(deadline - 1n, 0n, 0), deadline);
  assert.equal(platform.text(), '');
  assert.equal(unikernel.turn(deadline, 0n, 0), never);
  unikernel.turn(deadline + second, 0n, 0);
  assert.equal(platform.text(), 'timer 250\n');
});

test('a rejection is reported after the jobs, unless a handler came in time; a late handler is reported too', async () => {
  const { unikernel, platform } = await started(
    application({
      start: `const handled = Promise.reject(new Error('handled')); Promise.resolve().then(() => handled.catch(() => {}));
        globalThis.late = Promise.reject(new Error('late')); host.setDeadline(1);`,
      timer: 'late.catch(() => {});',
      rejection: 'log(values[1].message, values[2])',
    }),
  );
  assert.equal(platform.text(), 'late false\n');
  unikernel.turn(6n * second, 0n, 0);
  assert.equal(platform.text(), 'late false\nlate true\n');
});

test('an exception in an event goes to the console with its stack and the next event still comes', async () => {
  const { unikernel, platform } = await started(
    application({ start: 'host.setDeadline(1); throw new Error("broken")', timer: 'log("alive")' }),
  );
  unikernel.turn(6n * second, 0n, 0);
  assert.match(platform.text(), /^Error: broken\n\s+at .*app\.js:\d+:\d+\)?\n[\s\S]*alive\n$/);
});

test('a heap beyond memory.engine is a JavaScript error, and afterwards there is room again', async () => {
  const { platform } = await started(
    application({
      start: `const fill = () => { const all = []; for (;;) all.push(new ArrayBuffer(1e6)); };
        try { fill(); } catch (error) { log(error.name, error.message); }
        log(new ArrayBuffer(1e6).byteLength);`,
    }),
    { parameters: 'memory.engine=16777216\n' },
  );
  assert.match(platform.text(), /^\w*Error .*memory.*\n1000000\n$/);
});

test('stop is an event; without a dispatch function the unikernel ends', async () => {
  const { unikernel, platform } = await started(application({ stop: 'host.exit(7)' }));
  unikernel.turn(6n * second, 0n, turnEvents.stop);
  assert.equal(platform.exitCode, 7);
  const bare = await started(prelude);
  bare.unikernel.turn(6n * second, 0n, turnEvents.stop);
  assert.equal(bare.platform.exitCode, 0);
});

test('without a snapshot the top level runs at start, with randomness and parameters', async () => {
  const code = `${prelude} log(typeof Math.random(), host.parameters(), Date.now());
    await new Promise((resolve) => { host.setDispatch((kind) => { log(kind); resolve(); }); host.setDeadline(1) }); log('done');`;
  const { unikernel, platform } = await started(code, { atStart: true, parameters: 'env.A=b\n' });
  assert.equal(platform.text(), 'number env.A=b\n 1800000000000\n');
  unikernel.turn(6n * second, 0n, 0);
  assert.equal(platform.text(), 'number env.A=b\n 1800000000000\n2\ndone\n1\n');
  const throwing = await started(`${prelude} throw new Error('at start')`, { atStart: true });
  assert.match(throwing.platform.text(), /^Error: at start\n/);
  assert.equal(throwing.platform.exitCode, 1);
});

test('UTF-8: malformed parts become U+FFFD as the Encoding Standard says', async () => {
  const bytes = [
    0x61, 0xe2, 0x82, 0x62, 0xff, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xf4, 0x90, 0xc0, 0x80, 0xc3,
  ];
  const code = `const bytes = new Uint8Array(${JSON.stringify(bytes)}).buffer;
    log(host.utf8Decode(bytes, 0, ${bytes.length}, false), host.utf8Decode(bytes, 0, ${bytes.length}, true));
    log(new Uint8Array(host.utf8Encode('a\\ud800ß\\u{1f600}')).join());
    log(host.utf8Decode(host.utf8Encode('x'.repeat(100000) + 'é'), 0, 100002, true).length);`;
  const expected = [
    `${new TextDecoder().decode(new Uint8Array(bytes))} undefined`,
    new TextEncoder().encode('a\ud800ß\u{1f600}').join(),
    '100001\n',
  ].join('\n');
  assert.equal((await evaluateBundle(prelude + code)).console, expected);
});

test('a wrong start parameter is said in one line and nothing starts', async () => {
  for (const parameters of [
    'net.0.mac=zz\n',
    'net.0.mac=02:00:00:00:00:01\nnet.0.ipv4=10.0.0.1\n',
    'dns.servers=x\n',
  ]) {
    const { platform } = await started(application({ start: 'log("started")' }), { parameters });
    assert.match(platform.text(), /^parameter [^\n]*: must be [^\n]*\n$/);
    assert.equal(platform.exitCode, 2);
  }
});

test('a panic of the library OS reaches the platform with its place', async () => {
  const { unikernel, platform }: { unikernel: { allocate(length: number): number }; platform: TestPlatform } =
    await started(prelude);
  assert.throws(() => unikernel.allocate(0xfffffff0));
  assert.match(platform.panicked ?? '', /^libos: .* at .*:\d+:\d+$/);
});
