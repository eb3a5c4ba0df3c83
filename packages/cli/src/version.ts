/** The version of Noos, from its package.json. In: nothing. Out: a string. May import: nothing. */
import { readFileSync } from 'node:fs';

const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');

export const { version } = JSON.parse(manifest) as { version: string };
