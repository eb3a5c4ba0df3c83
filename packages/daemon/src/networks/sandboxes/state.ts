/**
 * What is known of one container's network: kept in memory, and as a file below the run root while it lives.
 *
 * May import: types, storage.
 */
import { readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson } from '../../storage/atomic-file.js';
import type { AllowedPort } from '../firewall/ruleset.js';
import type { Publication } from '../publishing/publish.js';
import type { Endpoint, PortMap, SandboxRequest } from '../types.js';

export interface Joined {
  endpoint: Endpoint;
  /** eth0, eth1, … */
  interfaceName: string;
}

/** The file's content; goes with the boot, as namespaces do. */
export interface SandboxRecord {
  request: SandboxRequest;
  /** Of a live sandbox: changed by `SandboxStates.setJoined`, which keeps names and addresses found. */
  readonly joined: readonly Joined[];
  /** With host ports chosen. */
  ports: PortMap;
}

export interface SandboxState extends SandboxRecord {
  /** Namespace; "" in the host's. */
  path: string;
  publication?: Publication;
  /** What links may pass where containers do not talk to each other. */
  linked: AllowedPort[];
  /** Endpoint ID that gives the default routes, by family. */
  gateways: { 4?: string; 6?: string };
  /** The embedded DNS answers in it. */
  dns: boolean;
}

/** In the host's namespace: network mode host, or a TAP. */
export const isInHost = ({ path }: SandboxState): boolean => path === '';

export function createSandboxRecords(directory: string) {
  const fileOf = (id: string): string => join(directory, `${id}.json`);
  return {
    /** Whole or not there, but not synced: after a power cut there is no namespace it could speak of. */
    async write({ request, joined, ports }: SandboxState): Promise<void> {
      const file = fileOf(request.id);
      await writeFile(`${file}.tmp`, JSON.stringify({ request, joined, ports } satisfies SandboxRecord), {
        mode: 0o600,
      });
      await rename(`${file}.tmp`, file);
    },
    remove: (id: string): Promise<void> => rm(fileOf(id), { force: true }),
    /** Damaged ones are undefined. */
    async list(): Promise<Map<string, SandboxRecord | undefined>> {
      const records = new Map<string, SandboxRecord | undefined>();
      for (const name of await readdir(directory)) {
        if (!name.endsWith('.json')) continue;
        const id = name.slice(0, -'.json'.length);
        records.set(id, await readJson<SandboxRecord>(fileOf(id)).catch(() => undefined));
      }
      return records;
    },
  };
}

export type SandboxRecords = ReturnType<typeof createSandboxRecords>;
