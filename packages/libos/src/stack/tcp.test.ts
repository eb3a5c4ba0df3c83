// TCP between two stacks on virtual time: every run is decided by the seed printed when it fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSimulation } from '../simulation.js';

const a = 0xc0000201;
const b = 0xc0000202;

test('connect, data both ways, orderly close', async () => {
  const simulation = createSimulation(1);
  const [one, two] = simulation.link();
  const left = await simulation.stack({
    interfaces: [{ device: one, mac: 0x020000000001, ipv4: { address: a, prefixLength: 24 } }],
  });
  const right = await simulation.stack({
    interfaces: [{ device: two, mac: 0x020000000002, ipv4: { address: b, prefixLength: 24 } }],
  });
  const log: string[] = [];
  right.tcpListen({ port: 80 }, (connection) => {
    connection.onReadable = () => {
      const bytes = connection.read();
      log.push(`server ${Buffer.from(bytes).toString()}`);
      if (bytes.length > 0) connection.write(Buffer.from('world'));
      if (connection.finished()) connection.shutdown();
    };
    connection.onClosed = (error) => log.push(`server closed ${error}`);
  });
  const client = left.tcpConnect(b, 80);
  client.onConnected = () => {
    log.push('connected');
    client.write(Buffer.from('hello'));
  };
  client.onReadable = () => {
    log.push(`client ${Buffer.from(client.read()).toString()}`);
    client.shutdown();
  };
  client.onClosed = (error) => log.push(`client closed ${error}`);
  simulation.run(1000);
  assert.deepEqual(log, [
    'connected',
    'server hello',
    'client world',
    'server ',
    'client ',
    'client closed 0',
    'server ',
    'server closed 0',
  ]);
  simulation.run(100_000);
  for (const { exports } of [left, right]) {
    assert.equal(exports.connectionsInUse(), 0);
    assert.equal(exports.ringBytesUsed(), 0n);
  }
});
