/** Memory follows what is in use: after a crowd has gone, its pages are the kernel's again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { imageOf, startFor } from './targets.js';

const connections = 3000;

/** The runtime that this process has started. */
function runtimePid(): number {
  const found = readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        readlinkSync(`/proc/${name}/exe`).endsWith('/runtime-process') &&
        readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]!.split(' ')[1] === String(process.pid)
      );
    } catch {
      return false;
    }
  });
  assert.equal(found.length, 1);
  return Number(found[0]);
}

/** Resident memory in KiB (proc(5), smaps_rollup). */
const residentKib = (pid: number): number =>
  Number(/^Rss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))![1]);

async function answered(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(socket, 'data');
  return socket;
}

test('process: what 3,000 connections took comes back, twice', { timeout: 120_000 }, async (t) => {
  const service = await startFor(t, await imageOf('examples/hello/app.ts'), 'process');
  (await answered(service.port(8080))).destroy();
  const pid = runtimePid();
  const fresh = residentKib(pid);
  for (let wave = 0; wave < 2; wave++) {
    const sockets: Socket[] = [];
    for (let opened = 0; opened < connections; opened += 100)
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => answered(service.port(8080))))));
    const crowded = residentKib(pid);
    // Less than the memory of one ring for each: an idle connection holds its object alone.
    assert.ok(crowded - fresh < connections * 2, `${fresh} to ${crowded} KiB in wave ${wave}`);
    assert.ok(crowded - fresh > connections / 4, `the connections take memory: ${fresh} to ${crowded} KiB`);
    for (const socket of sockets) socket.destroy();
    for (const end = Date.now() + 30_000; residentKib(pid) > fresh + 1024; await sleep(100))
      assert.ok(
        Date.now() < end,
        `${fresh} KiB fresh, ${crowded} crowded, ${residentKib(pid)} after wave ${wave}`,
      );
  }
});
