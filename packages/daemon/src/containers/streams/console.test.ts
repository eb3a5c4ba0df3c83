import assert from 'node:assert/strict';
import { Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttachedStreams } from '../../workload/types.js';
import { type ClientOptions, joinClient } from './client.js';
import { type ConsoleSource, createConsoles } from './console.js';

/** A container's end of the streams. */
function container() {
  const listeners: ((stream: 'stdout' | 'stderr', bytes: Buffer) => void)[] = [];
  let end!: () => void;
  const closed = new Promise<void>((resolve) => {
    end = resolve;
  });
  const state = { paused: false, closes: 0, typed: '', inputEnded: false };
  const input = new PassThrough();
  input.on('data', (chunk) => {
    state.typed += chunk;
  });
  input.on('end', () => {
    state.inputEnded = true;
  });
  const streams: AttachedStreams = {
    onOutput: (listener) => void listeners.push(listener),
    closed,
    input,
    pause: () => {
      state.paused = true;
    },
    resume: () => {
      state.paused = false;
    },
    close: () => {
      state.closes++;
    },
  };
  const print = (text: string | Buffer, stream: 'stdout' | 'stderr' = 'stdout') => {
    for (const listener of listeners) listener(stream, Buffer.from(text));
  };
  const source = (running: boolean, keep = false): ConsoleSource => ({
    id: 'c',
    keep,
    running,
    connect: async () => streams,
  });
  return { state, end, print, source };
}

/** A client's connection: what it reads, what it types. */
function connect() {
  const read: Buffer[] = [];
  let stalled = false;
  let release: (() => void) | undefined;
  const connection = new Duplex({
    allowHalfOpen: true,
    read() {},
    write(chunk, _encoding, next) {
      read.push(chunk);
      if (stalled) release = next;
      else next();
    },
  });
  return {
    connection,
    text: () => Buffer.concat(read).toString(),
    bytes: () => Buffer.concat(read),
    type: (text: string | null) => connection.push(text),
    stall() {
      stalled = true;
    },
    go() {
      stalled = false;
      release?.();
    },
  };
}

const plain: ClientOptions = {
  stdin: true,
  stdout: true,
  stderr: true,
  multiplex: false,
  terminal: false,
  closeStdin: false,
};

test('a client that comes before the start sees the first byte; output between attach and join is kept', async () => {
  const { source, print, end } = container();
  const consoles = createConsoles();
  const streams = await consoles.attach(source(false));
  await consoles.created(source(false));
  print('first ');
  const client = connect();
  const ended = joinClient(client.connection, streams, { ...plain, multiplex: true });
  print('oops', 'stderr');
  end();
  assert.equal(await ended, 'closed');
  await sleep(1);
  assert.equal(client.bytes().toString('latin1'), '\x01\0\0\0\0\0\0\x06first \x02\0\0\0\0\0\0\x04oops');
});

test('several clients share one connection; it ends with the last of them', async () => {
  const { source, print, state } = container();
  const consoles = createConsoles();
  const [one, two] = [connect(), connect()];
  const first = joinClient(one.connection, await consoles.attach(source(true)), { ...plain, terminal: true });
  const second = joinClient(two.connection, await consoles.attach(source(true)), { ...plain, stderr: false });
  print('both');
  print('err', 'stderr');
  one.type('typed\x10\x11lost');
  assert.equal(await first, 'detached');
  await sleep(1);
  assert.equal(state.typed, 'typed');
  assert.equal(state.closes, 0);
  print(' one');
  two.type(null);
  assert.equal(await second, 'left');
  assert.equal(one.text(), 'botherr');
  assert.equal(two.text(), 'both one');
  assert.equal(state.closes, 1);
  assert.equal(state.inputEnded, false);
});

test("the end of the client's input is the container's when it asked for that; output goes on", async () => {
  const { source, print, state, end } = container();
  const consoles = createConsoles();
  const client = connect();
  const session = joinClient(client.connection, await consoles.attach(source(true, true)), {
    ...plain,
    closeStdin: true,
  });
  client.type('42');
  client.type(null);
  await sleep(2);
  assert.deepEqual([state.typed, state.inputEnded], ['42', true]);
  print('answer');
  end();
  assert.equal(await session, 'closed');
  await sleep(1);
  assert.equal(client.text(), 'answer');
});

test('a slow client pauses the source and loses nothing', async () => {
  const { source, print, state } = container();
  const consoles = createConsoles();
  const client = connect();
  void joinClient(client.connection, await consoles.attach(source(true)), plain);
  client.stall();
  const chunk = Buffer.alloc(65536, 'x');
  let sent = 0;
  while (!state.paused && sent < 4_000_000) {
    print(chunk);
    sent += chunk.length;
    await sleep(0);
  }
  assert.ok(state.paused && sent < 1_300_000, `${sent}`);
  client.go();
  await sleep(5);
  assert.equal(state.paused, false);
  assert.equal(client.bytes().length, sent);
});

test('clients of a start that failed are let go; one that left frees the source', async () => {
  const { source, state } = container();
  const consoles = createConsoles();
  const client = connect();
  const session = joinClient(client.connection, await consoles.attach(source(false)), plain);
  consoles.stopped('c');
  assert.equal(await session, 'closed');
  const second = connect();
  const gone = joinClient(second.connection, await consoles.attach(source(true)), plain);
  second.connection.destroy();
  assert.equal(await gone, 'left');
  assert.equal(state.closes, 1);
});
