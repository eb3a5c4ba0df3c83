/** The gateway against a guest made of the same stack, on one switch, towards real sockets of this host. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { frameCable, loadStack, type Stack, type TcpConnection } from '@noos/libos';
import { startUserNetwork, type UserNetwork, type UserNetworkOptions } from '../network/user-network.js';
import { parseIpv4 } from './address.js';
import type { BoundPort } from './bind.js';
import { type PublishedPort, parsePort } from './port-spec.js';

const ip = (text: string): number => parseIpv4(text)!;
const gatewayAddress = ip('10.99.0.1');
const guestAddress = ip('10.99.0.2');
const mac = '02:00:00:00:00:02';

interface Guest {
  network: UserNetwork;
  stack: Stack;
  publish(...ports: PublishedPort[]): Promise<BoundPort[]>;
  close(): Promise<void>;
}

async function startGuest(options: UserNetworkOptions = {}): Promise<Guest> {
  const network = await startUserNetwork(options);
  const station = network.station(mac, { cidr: '10.99.0.2/24', gateway: '10.99.0.1', dnsServers: [] });
  const [device, port] = frameCable();
  assert.equal(station.attachment.kind, 'switch');
  if (station.attachment.kind === 'switch') station.attachment.connect(port);
  const stack = await loadStack({
    interfaces: [
      {
        device,
        mac: 0x02_00_00_00_00_02,
        ipv4: { address: guestAddress, prefixLength: 24, gateway: gatewayAddress },
      },
    ],
  });
  stack.exports.arpAnnounce(0);
  return {
    network,
    stack,
    publish: (...ports) => station.publish(ports),
    async close() {
      stack.close();
      await network.close();
    },
  };
}

/** A connection's story: connected or closed with an error. */
const connected = (connection: TcpConnection): Promise<number> =>
  new Promise((resolve) => {
    connection.onConnected = () => resolve(1);
    connection.onClosed = resolve;
  });

/** Reads until the peer has finished; at most `limit` bytes at a time with a pause, to test back-pressure. */
function readAll(connection: TcpConnection, pauseMs = 0): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let open = true;
    const takeAll = (): void => {
      for (let bytes = connection.read(); bytes.length > 0; bytes = connection.read()) chunks.push(bytes);
    };
    const take = (): void => {
      if (!open) return;
      if (pauseMs === 0) takeAll();
      else {
        const bytes = connection.read();
        chunks.push(bytes);
        if (bytes.length > 0) setTimeout(take, pauseMs);
      }
      if (connection.finished()) resolve(Buffer.concat(chunks));
    };
    connection.onReadable = take;
    connection.onClosed = (error) => {
      open = false;
      // What has arrived can be read for the last time now.
      takeAll();
      if (error === 0) resolve(Buffer.concat(chunks));
      else reject(new Error(`closed with ${error}`));
    };
    take();
  });
}

function writeAll(connection: TcpConnection, bytes: Uint8Array): void {
  let rest = bytes;
  const push = (): void => {
    rest = rest.subarray(connection.write(rest));
    if (rest.length === 0) connection.shutdown();
  };
  connection.onWritable = push;
  push();
}

const pattern = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7) >> 3));

async function listen(handler: (socket: Socket) => void, host = '127.0.0.1') {
  const server = createServer({ allowHalfOpen: true }, handler);
  server.listen(0, host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

let guest: Guest;
before(async () => {
  guest = await startGuest();
});
after(() => guest.close());

test('TCP out: bytes both ways, half-close both ways', { timeout: 10_000 }, async () => {
  const received: Buffer[] = [];
  const server = await listen((socket) => {
    socket.on('data', (bytes) => received.push(bytes));
    // Answers only after the guest's FIN: its half of the connection has to stay open.
    socket.on('end', () => socket.end(pattern(300_000)));
  });
  const connection = guest.stack.tcpConnect(gatewayAddress, server.port);
  assert.equal(await connected(connection), 1);
  writeAll(connection, pattern(200_000));
  assert.deepEqual(await readAll(connection), pattern(300_000));
  assert.deepEqual(Buffer.concat(received), pattern(200_000));
  server.close();
});

test('TCP out: a refused connection is refused, with RST', { timeout: 10_000 }, async () => {
  const server = await listen(() => {});
  server.close();
  const startMs = performance.now();
  assert.ok((await connected(guest.stack.tcpConnect(gatewayAddress, server.port))) < 0);
  assert.ok(performance.now() - startMs < 1000, 'refused at once');
});

test('TCP out: a reset of the host reaches the guest, one of the guest reaches the host', {
  timeout: 10_000,
}, async () => {
  const errors: string[] = [];
  let serverSocket: Promise<Socket>;
  const server = await listen((socket) => {
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
    arrived(socket);
  });
  let arrived = (_socket: Socket): void => {};
  const open = async (): Promise<TcpConnection> => {
    serverSocket = new Promise((resolve) => {
      arrived = resolve;
    });
    const connection = guest.stack.tcpConnect(gatewayAddress, server.port);
    assert.equal(await connected(connection), 1);
    return connection;
  };
  const first = await open();
  const closed = new Promise<number>((resolve) => {
    first.onClosed = resolve;
  });
  (await serverSocket!).resetAndDestroy();
  assert.ok((await closed) < 0);
  const second = await open();
  const socket = await serverSocket!;
  second.abort();
  await new Promise((resolve) => socket.on('close', resolve));
  assert.deepEqual(errors, ['ECONNRESET']);
  server.close();
});

test('TCP out: slow readers on either side lose nothing', { timeout: 30_000 }, async () => {
  const size = 4_000_000;
  const sent = pattern(size);
  let got: Promise<Buffer> | undefined;
  const server = await listen((socket) => {
    socket.end(sent);
    got = (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of socket) {
        chunks.push(chunk as Buffer);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return Buffer.concat(chunks);
    })();
  });
  const connection = guest.stack.tcpConnect(gatewayAddress, server.port);
  assert.equal(await connected(connection), 1);
  writeAll(connection, sent);
  assert.ok(sent.equals(await readAll(connection, 1)));
  assert.ok(sent.equals(await got!));
  server.close();
});

test('without host loopback the gateway leads nowhere', { timeout: 10_000 }, async (t) => {
  const isolated = await startGuest({ hostLoopback: false });
  t.after(isolated.close);
  const server = await listen(() => {});
  assert.ok((await connected(isolated.stack.tcpConnect(gatewayAddress, server.port))) < 0);
  server.close();
});

test('UDP out: answers come back to the port that asked', { timeout: 10_000 }, async () => {
  const server = createSocket('udp4');
  server.on('message', (bytes, from) => server.send(Buffer.concat([bytes, bytes]), from.port, from.address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  for (const length of [1, 700, 1472, 9000]) {
    const socket = guest.stack.udpBind(0);
    const answer = new Promise<{ bytes: Uint8Array; peerAddress: number; peerPort: number }>((resolve) => {
      socket.onDatagram = resolve;
    });
    socket.send(gatewayAddress, server.address().port, pattern(length));
    const { bytes, peerAddress, peerPort } = await answer;
    assert.equal(bytes.length, 2 * length);
    assert.equal(peerAddress, gatewayAddress);
    assert.equal(peerPort, server.address().port);
    socket.close();
  }
  server.close();
});

test('published TCP: connections reach the guest, bytes both ways, refusals too', {
  timeout: 10_000,
}, async () => {
  guest.stack.tcpListen({ port: 7 }, (connection) => {
    const echo = (): void => {
      for (
        let bytes = connection.peek();
        bytes.length > 0 && connection.sendSpace() > 0;
        bytes = connection.peek()
      )
        connection.consume(connection.write(bytes.slice(0, connection.sendSpace())));
      if (connection.finished()) connection.shutdown();
    };
    connection.onReadable = echo;
    connection.onWritable = echo;
    echo();
  });
  const [echo, closed] = await guest.publish(parsePort('127.0.0.1:0:7'), parsePort('127.0.0.1:0:9'));
  assert.ok(echo!.hostPort > 0);
  const socket = connect({ host: '127.0.0.1', port: echo!.hostPort, allowHalfOpen: true });
  const sent = pattern(500_000);
  socket.end(sent);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  assert.ok(sent.equals(Buffer.concat(chunks)));
  const refused = connect({ host: '127.0.0.1', port: closed!.hostPort });
  const [error] = await once(refused, 'error');
  assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('published TCP on every address: IPv4 and IPv6', { timeout: 10_000 }, async () => {
  guest.stack.tcpListen({ port: 13 }, (connection) => writeAll(connection, Buffer.from('now')));
  const [daytime] = await guest.publish(parsePort('0:13'));
  for (const host of ['127.0.0.1', '::1']) {
    const socket = connect({ host, port: daytime!.hostPort });
    const [bytes] = await once(socket, 'data');
    assert.equal(String(bytes), 'now');
    socket.destroy();
  }
});

test('published UDP: every peer gets its own answers', { timeout: 10_000 }, async () => {
  const service = guest.stack.udpBind(7);
  service.onDatagram = ({ bytes, peerAddress, peerPort }) => {
    assert.equal(peerAddress, gatewayAddress);
    service.send(peerAddress, peerPort, bytes);
  };
  const [published] = await guest.publish(parsePort('127.0.0.1:0:7/udp'));
  const clients = ['one', 'two', 'three'].map((text) => ({ text, socket: createSocket('udp4') }));
  await Promise.all(
    clients.map(async ({ text, socket }) => {
      for (let round = 0; round < 3; round++) {
        socket.send(`${text}${round}`, published!.hostPort, '127.0.0.1');
        const [answer] = await once(socket, 'message');
        assert.equal(String(answer), `${text}${round}`);
      }
      socket.close();
    }),
  );
});

test('a port in use, one that is forbidden and a foreign address say so; earlier ports are closed', {
  timeout: 10_000,
}, async () => {
  const taken = await listen(() => {});
  const free = await listen(() => {});
  free.close();
  await assert.rejects(
    guest.publish(parsePort(`127.0.0.1:${free.port}:80`), parsePort(`127.0.0.1:${taken.port}:80`)),
    {
      code: 'port-in-use',
      message: new RegExp(`^port 127\\.0\\.0\\.1:${taken.port}/tcp is in use: .*-p ${taken.port + 1}:80`),
    },
  );
  const again = await guest.publish(parsePort(`127.0.0.1:${free.port}:80`));
  assert.equal(again.length, 1);
  await assert.rejects(guest.publish(parsePort('192.0.2.55:0:80')), { code: 'address-unavailable' });
  await assert.rejects(guest.publish(parsePort('192.0.2.55:0:80/udp')), { code: 'address-unavailable' });
  const udp = createSocket('udp4').bind(0, '127.0.0.1');
  await once(udp, 'listening');
  await assert.rejects(guest.publish(parsePort(`127.0.0.1:${udp.address().port}:80/udp`)), {
    code: 'port-in-use',
  });
  udp.close();
  taken.close();
});

test('DNS over UDP and TCP at the gateway', { timeout: 10_000 }, async () => {
  const name = [4, ...Buffer.from('host'), 4, ...Buffer.from('noos'), 8, ...Buffer.from('internal'), 0];
  const query = new Uint8Array([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1]);
  const socket = guest.stack.udpBind(0);
  const answer = new Promise<Uint8Array>((resolve) => {
    socket.onDatagram = ({ bytes }) => resolve(bytes);
  });
  socket.send(gatewayAddress, 53, query);
  assert.deepEqual([...(await answer).subarray(-4)], [10, 99, 0, 1]);
  const connection = guest.stack.tcpConnect(gatewayAddress, 53);
  assert.equal(await connected(connection), 1);
  writeAll(connection, new Uint8Array([0, query.length, ...query]));
  const reply = await readAll(connection);
  assert.equal(reply.readUInt16BE(0), reply.length - 2);
  assert.deepEqual([...reply.subarray(-4)], [10, 99, 0, 1]);
});
