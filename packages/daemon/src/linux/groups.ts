/**
 * Groups of the host, from /etc/group.
 *
 * In: a name or number. Out: a number, or ConfigError. May import: config's error.
 */
import { readFile } from 'node:fs/promises';
import { ConfigError } from '../config/error.js';

/** The default: whoever has dockerd has it; a host without leaves the socket to root. */
const optionalGroup = 'docker';

/** The numeric ID of `name` (digits stand for themselves); undefined when the default one does not exist. */
export async function groupId(name: string): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = (await readFile('/etc/group', 'utf8')).split('\n');
  const fields = lines.map((line) => line.split(':')).find(([group]) => group === name);
  if (fields === undefined && name !== optionalGroup) throw new ConfigError(`group ${name} not found`);
  return fields === undefined ? undefined : Number(fields[2]);
}
