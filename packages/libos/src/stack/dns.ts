/**
 * The resolver of a stack as promises. In: names. Out: addresses. May import: core, error.
 */
import type { StackCore } from './core.js';
import { StackError } from './error.js';

export interface DnsAnswer {
  /** Host order, as the server gave them. */
  addresses: number[];
  /** Seconds for which the answer may be kept. */
  ttlSeconds: number;
}

interface Waiting {
  name: string;
  resolve: (answer: DnsAnswer) => void;
  reject: (error: StackError) => void;
}

/** The resolver's half of a stack; `dispatch` takes all finished look-ups. */
export function createDns(core: StackCore): {
  resolve(name: string): Promise<DnsAnswer>;
  dispatch(): void;
} {
  const { exports } = core;
  const waiting = new Map<number, Waiting>();
  return {
    resolve: (name) =>
      new Promise((resolve, reject) => {
        const handle = core.call(() => {
          const text = Buffer.from(name, 'utf8');
          core.putScratch(text);
          return exports.dnsResolve(core.scratch, text.length, core.owner);
        });
        if (handle < 0) reject(new StackError(handle, `cannot look up ${JSON.stringify(name)}`));
        else waiting.set(handle, { name, resolve, reject });
      }),
    dispatch() {
      while (exports.dnsNextEvent() !== 0) {
        const handle = exports.dnsEventQuery.value;
        const asked = waiting.get(handle);
        waiting.delete(handle);
        const error = exports.dnsEventError.value;
        if (error !== 0) {
          asked?.reject(new StackError(error, `cannot look up ${JSON.stringify(asked.name)}`));
          continue;
        }
        const bytes = core.bytesAt(exports.dnsEventAddresses.value, 4 * exports.dnsEventCount.value);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const addresses = Array.from({ length: exports.dnsEventCount.value }, (_, i) =>
          view.getUint32(4 * i, true),
        );
        asked?.resolve({ addresses, ttlSeconds: exports.dnsEventTtlSeconds.value >>> 0 });
      }
    },
  };
}
