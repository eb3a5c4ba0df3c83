/**
 * A TAP device inside a namespace as a frame device: what is sent there arrives at Linux.
 *
 * In: a namespace, Linux's address. Out: a frame device. May import: host, native.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StreamPort, streamPort } from '@noos/host';
import { noosTap } from '@noos/native';
import type { Namespace } from './namespace.js';

export const tapMtuBytes = 1500;

/** Makes `tap0` with Linux's `address` (192.0.2.1/24) and joins it to this process. `close` removes it. */
export async function openTapPort(
  namespace: Namespace,
  address: string,
): Promise<{ port: StreamPort; close(): void }> {
  namespace.run('ip', 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'vnet_hdr');
  namespace.run('ip', 'address', 'add', address, 'dev', 'tap0');
  namespace.run('ip', 'link', 'set', 'tap0', 'up');
  const path = join(tmpdir(), `noos-test-${randomUUID()}`);
  const server = createServer();
  server.listen(path);
  await once(server, 'listening');
  const helper = namespace.spawn(noosTap().path, '--tap', 'tap0', path);
  const [socket] = (await once(server, 'connection')) as [Socket];
  rmSync(path);
  const port = streamPort(socket, { mtuBytes: tapMtuBytes });
  return {
    port,
    close() {
      socket.destroy();
      server.close();
      helper.kill('SIGKILL');
      namespace.run('ip', 'link', 'delete', 'tap0');
    },
  };
}
