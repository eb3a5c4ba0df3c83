/**
 * The engine's own ID: made once, kept with the data.
 *
 * In: the data root. Out: a UUID. May import: atomic-file.
 */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic-file.js';

export async function readEngineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, 'engine-id');
  const found = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (/^[0-9a-f-]{36}$/.test(found)) return found;
  const id = randomUUID();
  await writeFileAtomic(path, id);
  return id;
}
