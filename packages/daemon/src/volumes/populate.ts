/**
 * The content an image has at a volume's place, copied into the empty volume: owners, modes, links, times kept.
 *
 * In: the container's tree, a volume. Out: the volume filled, or as it was. May import: errors, linux/run.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors.js';
import { run } from '../linux/run.js';

/**
 * Fills `target` when it is empty. With `replaceable` (nobody else uses the volume, nothing is mounted on it) the copy
 * is made in `temporary` and takes the place of the empty directory at once.
 */
export async function populate(options: {
  source: string;
  target: string;
  temporary: string;
  replaceable: boolean;
}): Promise<void> {
  const { source, target, temporary, replaceable } = options;
  if ((await readdir(target)).length > 0) return;
  if (!replaceable) return copy(source, target);
  const draft = join(temporary, `populate-${randomBytes(8).toString('hex')}`);
  try {
    await mkdir(draft, { recursive: true });
    await copy(source, draft);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Filled by somebody else meanwhile: as if it had not been empty.
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** cp(1) of coreutils knows sparse files, reflinks, hard links, devices, attributes. */
const copy = async (source: string, target: string): Promise<void> => {
  await run(['cp', '-a', '--reflink=auto', '--', `${source}/.`, target]);
};
