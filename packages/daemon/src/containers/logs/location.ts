/** Where a container's log lies: beside its record. May import: layout. */
import { join } from 'node:path';
import type { Layout } from '../../layout.js';

/** Path of the file conmon writes; its predecessors have numbers behind it. */
export const logPathOf = (layout: Pick<Layout, 'containers'>, id: string): string =>
  join(layout.containers, id, 'container.log');
