/** Drives `peer.ts` in a namespace. In: commands. Out: results. May import: namespace, peer. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './namespace.js';
import type { PeerCommand, PeerResult } from './peer.js';

/** A command without its number. */
export type PeerRequest = PeerCommand extends infer Command
  ? Command extends PeerCommand
    ? Omit<Command, 'id'>
    : never
  : never;

export interface LinuxPeer {
  /** Sends a command and waits for its result; throws when the peer reports an error. */
  request(request: PeerRequest): Promise<PeerResult>;
  close(): Promise<void>;
}

/** Starts the peer inside `namespace`. */
export function startPeer(namespace: Namespace): LinuxPeer {
  const child = namespace.spawn(process.execPath, fileURLToPath(new URL('peer.js', import.meta.url)));
  const waiting = new Map<number, (result: PeerResult) => void>();
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const result = JSON.parse(line) as PeerResult;
    waiting.get(result.id)?.(result);
    waiting.delete(result.id);
  });
  let next = 1;
  return {
    async request(request) {
      const id = next++;
      const answer = new Promise<PeerResult>((resolve) => waiting.set(id, resolve));
      child.stdin!.write(`${JSON.stringify({ id, ...request })}\n`);
      const result = await answer;
      if (result.error !== undefined) throw new Error(`the Linux peer says: ${result.error}`);
      return result;
    },
    async close() {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
