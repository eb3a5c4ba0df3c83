/**
 * Containers on disk: what was asked for, durable before the create request is answered; and the state, which changes
 * often and means nothing after a power cut, when no container runs.
 *
 * In: containers. Out: `<id>/container.json`, `<id>/state.json`. May import: storage, layout, container types.
 */
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Layout } from '../../layout.js';
import type { Logger } from '../../log.js';
import { readJson, writeJson } from '../../storage/atomic-file.js';
import type { Container, ContainerState } from '../types.js';

export const neverTime = '0001-01-01T00:00:00Z';

export const newState = (): ContainerState => ({
  status: 'created',
  pid: 0,
  exitCode: 0,
  error: '',
  oomKilled: false,
  startedAt: neverTime,
  finishedAt: neverTime,
});

interface VolatileState {
  state: ContainerState;
  restartCount: number;
  hasBeenStopped: boolean;
}

export interface Records {
  /** Directory of one container. */
  directory(id: string): string;
  /** A new one: its directory and record. */
  create(container: Container): Promise<void>;
  /** Everything; durable. */
  save(container: Container): Promise<void>;
  /** State only: whole on disk, but no disk is waited for. */
  saveState(container: Container): Promise<void>;
  remove(id: string): Promise<void>;
  /** All that exist; damaged ones are reported and left alone, directories without a record removed. */
  load(): Promise<Container[]>;
}

const idPattern = /^[0-9a-f]{64}$/;

export function createRecords(layout: Pick<Layout, 'containers'>, log: Logger): Records {
  const directory = (id: string) => join(layout.containers, id);
  let sequence = 0;

  /** Whole for whoever reads it, but no disk is waited for. */
  async function writeVolatile(path: string, value: object): Promise<void> {
    const temporary = `${path}.${sequence++}.tmp`;
    await writeFile(temporary, JSON.stringify(value), { mode: 0o600 });
    await rename(temporary, path);
  }

  async function saveState(container: Container): Promise<void> {
    const { state, restartCount, hasBeenStopped } = container;
    const content: VolatileState = { state, restartCount, hasBeenStopped };
    await writeVolatile(join(directory(container.id), 'state.json'), content);
  }

  async function loadOne(id: string): Promise<Container | undefined> {
    const container = await readJson<Container>(join(directory(id), 'container.json'));
    if (container === undefined) {
      await rm(directory(id), { recursive: true, force: true });
      return undefined;
    }
    const volatile = await readJson<VolatileState>(join(directory(id), 'state.json')).catch(() => undefined);
    if (volatile === undefined) return container;
    return { ...container, ...volatile };
  }

  return {
    directory,
    async create(container) {
      await mkdir(directory(container.id), { recursive: true, mode: 0o710 });
      const path = join(directory(container.id), 'container.json');
      // What `--rm` removes after a power cut anyway need not survive it.
      if (container.hostConfig.AutoRemove) await writeVolatile(path, container);
      else await writeJson(path, container);
    },
    async save(container) {
      await writeJson(join(directory(container.id), 'container.json'), container);
      await saveState(container);
    },
    saveState,
    // Again when its log is rotated or compressed at the same moment.
    remove: (id) => rm(directory(id), { recursive: true, force: true, maxRetries: 5 }),
    async load() {
      const names = await readdir(layout.containers).catch(() => []);
      const loaded = await Promise.all(
        names
          .filter((name) => idPattern.test(name))
          .map((id) =>
            loadOne(id).catch((error: Error) => {
              log.error({ container: id, error: error.message }, 'container record is damaged');
              return undefined;
            }),
          ),
      );
      return loaded.filter((container) => container !== undefined);
    },
  };
}
