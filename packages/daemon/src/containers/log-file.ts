/** Where a container's log lies. May import: nothing. */
import { join } from 'node:path';

export const logFile = (directory: string): string => join(directory, 'container.log');
