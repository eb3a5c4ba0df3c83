/** ARP, IPv4, ICMP, UDP, DHCP and DNS with Linux and dnsmasq over a TAP device in a network namespace. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCodes } from '@noos/abi';
import { type InterfaceOptions, loadStack, type Stack, systemClock, withPcap } from '@noos/libos';
import { assertWellFormed } from './capture.js';
import { createNamespace, type Namespace } from './linux/namespace.js';
import { openTapPort } from './linux/tap-port.js';

const linux = '192.0.2.1';
const linuxAddress = 0xc0000201;
const ourAddress = 0xc0000202;
const ours = '192.0.2.2';
const mac = 0x020000000002;

/** Waits until `done`, at most ten seconds. */
async function until(done: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !done(); waited += 10) {
    assert.ok(waited < 10_000, `${what}: not within 10 s`);
    await delay(10);
  }
}

/** Our stack as the neighbour of Linux in `namespace`, with everything recorded. */
async function startStack(
  namespace: Namespace,
  ipv4: NonNullable<InterfaceOptions['ipv4']>,
): Promise<{ stack: Stack; recorded: Uint8Array[]; close(): void }> {
  const { port, close } = await openTapPort(namespace, `${linux}/24`);
  const recorded: Uint8Array[] = [];
  const device = withPcap(port, (bytes) => recorded.push(bytes), systemClock);
  const stack = await loadStack({ interfaces: [{ device, mac, ipv4 }] });
  return {
    stack,
    recorded,
    close() {
      stack.close();
      close();
    },
  };
}

/** Output of a command inside, while our stack continues in this process. */
async function outputOf(namespace: Namespace, command: string, ...rest: string[]): Promise<string> {
  const child = namespace.spawn(command, ...rest);
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  await once(child, 'close');
  return output;
}

const udpPeer = `
  const socket = require('dgram').createSocket('udp4');
  socket.on('message', (m, r) => socket.send(m, r.port, r.address));
  socket.bind(7, () => console.log('ready'));
`;

/** Sends one datagram of each size to us from Linux and expects it back. */
const udpClient = (sizes: number[]): string => `
  const socket = require('dgram').createSocket('udp4');
  const sizes = ${JSON.stringify(sizes)};
  const pattern = (n) => Buffer.from(Array.from({ length: n }, (_, i) => (i * 7) & 255));
  const next = () => {
    if (sizes.length === 0) { console.log('ok'); process.exit(0); }
    socket.send(pattern(sizes[0]), 7, '${ours}');
  };
  socket.on('message', (m) => {
    if (!m.equals(pattern(sizes[0]))) { console.log('different at ' + sizes[0]); process.exit(1); }
    sizes.shift();
    next();
  });
  socket.bind(0, next);
  setTimeout(() => { console.log('no answer at ' + sizes[0]); process.exit(1); }, 5000);
`;

test('static address', async (t) => {
  const namespace = createNamespace('net');
  after(() => namespace.remove());
  const { stack, recorded, close } = await startStack(namespace, { address: ourAddress, prefixLength: 24 });

  await t.test('Linux pings us, fragments included, and learns our address by ARP', async () => {
    for (const bytes of ['0', '56', '1472', '1473', '8000', '60000']) {
      const output = await outputOf(namespace, 'ping', '-c', '2', '-i', '0.05', '-W', '2', '-s', bytes, ours);
      assert.match(output, /2 received, 0% packet loss/, `${bytes} bytes`);
    }
    assert.match(namespace.run('ip', 'neighbor', 'show', ours), /02:00:00:00:00:02 (REACHABLE|DELAY|STALE)/);
  });

  await t.test('our datagrams of every size come back from a Linux socket', async () => {
    const peer = namespace.spawn(process.execPath, '-e', udpPeer);
    await once(peer.stdout!, 'data');
    const socket = stack.udpBind(0);
    const lengths: number[] = [];
    let expected = new Uint8Array(0);
    socket.onDatagram = ({ bytes, peerAddress, peerPort }) => {
      assert.deepEqual([peerAddress, peerPort], [linuxAddress, 7]);
      assert.deepEqual(bytes, expected);
      lengths.push(bytes.length);
    };
    for (const length of [0, 1, 1472, 1473, 2960, 20_000, 65_507]) {
      expected = Uint8Array.from({ length }, (_, i) => (i * 11) & 255);
      const before = lengths.length;
      assert.equal(socket.send(linuxAddress, 7, expected), length);
      await until(() => lengths.length > before, `${length} bytes`);
    }
    socket.close();
    peer.kill();
  });

  await t.test('datagrams of Linux come back from us', async () => {
    const echo = stack.udpBind(7);
    echo.onDatagram = ({ bytes, peerAddress, peerPort }) => {
      echo.send(peerAddress, peerPort, bytes);
    };
    const client = namespace.spawn(process.execPath, '-e', udpClient([0, 1, 1472, 1473, 9001, 65_507]));
    const [output] = (await once(client.stdout!, 'data')) as [Buffer];
    assert.equal(output.toString().trim(), 'ok');
    echo.close();
  });

  await t.test('port unreachable both ways', async () => {
    const socket = stack.udpBind(0);
    let error = 0;
    socket.onError = (code) => {
      error = code;
    };
    socket.send(linuxAddress, 9, new Uint8Array(10));
    await until(() => error !== 0, 'port unreachable from Linux');
    assert.equal(error, errorCodes.ECONNREFUSED);
    socket.close();
    const script = `
      const socket = require('dgram').createSocket('udp4');
      socket.on('error', (e) => { console.log(e.code); process.exit(0); });
      socket.connect(9, '${ours}', () => socket.send('x'));
      setTimeout(() => process.exit(1), 3000);
    `;
    const client = namespace.spawn(process.execPath, '-e', script);
    const [output] = (await once(client.stdout!, 'data')) as [Buffer];
    assert.equal(output.toString().trim(), 'ECONNREFUSED');
  });

  await t.test('a neighbour that does not exist', async () => {
    const socket = stack.udpBind(0);
    let error = 0;
    socket.onError = (code) => {
      error = code;
    };
    socket.send(0xc0000263, 9, new Uint8Array(10));
    await until(() => error !== 0, 'host unreachable');
    assert.equal(error, errorCodes.EHOSTUNREACH);
    socket.close();
  });

  await t.test('nothing on the wire was malformed', () => assertWellFormed(recorded));
  close();
});

test('DHCP and DNS from dnsmasq', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'noos-dnsmasq-'));
  before(() => {
    const missing = spawnSync('dnsmasq', ['--version']).error;
    assert.equal(missing, undefined, 'dnsmasq is missing: npm run setup');
  });
  const namespace = createNamespace('dhcp');
  after(() => {
    namespace.remove();
    rmSync(directory, { recursive: true });
  });
  const { stack, recorded, close } = await startStack(namespace, 'dhcp');
  const many = Array.from({ length: 60 }, (_, i) => `--host-record=many.test,10.0.1.${i + 1}`);
  const dnsmasq = namespace.spawn(
    'dnsmasq',
    '--keep-in-foreground',
    '--log-facility=/dev/null',
    '--conf-file=/dev/null',
    '--no-hosts',
    '--no-resolv',
    `--pid-file=${directory}/pid`,
    `--dhcp-leasefile=${directory}/leases`,
    '--interface=tap0',
    '--dhcp-range=192.0.2.50,192.0.2.60,255.255.255.0,120',
    '--dhcp-authoritative',
    '--dhcp-option=option:mtu,1400',
    '--dhcp-option=option:domain-search,sub.test,test',
    '--local=/test/',
    '--host-record=web.test,192.0.2.77',
    '--host-record=only.sub.test,192.0.2.78',
    '--cname=alias.test,web.test',
    ...many,
  );

  await t.test('a lease', async () => {
    await until(() => stack.address(0) !== 0, 'lease');
    const address = stack.address(0);
    assert.ok(address >= 0xc0000232 && address <= 0xc000023c, address.toString(16));
    const output = await outputOf(namespace, 'ping', '-c', '1', '-W', '2', `192.0.2.${address & 255}`);
    assert.match(output, /1 received/);
    assert.equal(
      execFileSync('cat', [`${directory}/leases`], { encoding: 'utf8' }).split(' ')[1],
      '02:00:00:00:00:02',
    );
  });

  await t.test('names', async () => {
    assert.deepEqual((await stack.dnsResolve('web.test')).addresses, [0xc000024d]);
    assert.deepEqual((await stack.dnsResolve('alias.test')).addresses, [0xc000024d]);
    await assert.rejects(stack.dnsResolve('nothing.test'), { code: 'ENOTFOUND' });
  });

  await t.test('the search list of option 119', async () => {
    assert.deepEqual((await stack.dnsResolve('only')).addresses, [0xc000024e]);
    assert.deepEqual((await stack.dnsResolve('web')).addresses, [0xc000024d]);
  });

  await t.test('a long answer comes over TCP', async () => {
    const { addresses } = await stack.dnsResolve('many.test');
    assert.equal(addresses.length, 16);
    for (const address of addresses) assert.equal(address >>> 8, 0x0a0001);
  });

  await t.test('the lease is given back', async () => {
    stack.exports.dhcpStop(0);
    await until(() => {
      const leases = execFileSync('cat', [`${directory}/leases`], { encoding: 'utf8' });
      return leases.trim() === '';
    }, 'release');
    assert.equal(stack.address(0), 0);
  });

  await t.test('nothing on the wire was malformed', () => assertWellFormed(recorded));
  close();
  dnsmasq.kill();
});
