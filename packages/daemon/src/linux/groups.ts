/**
 * Groups of the host, from /etc/group.
 *
 * In: a name or number. Out: a number. May import: nothing.
 */
import { readFile } from 'node:fs/promises';

/** The numeric ID of `name` (digits stand for themselves); undefined when there is no such group. */
export async function groupId(name: string): Promise<number | undefined> {
  if (/^\d+$/.test(name)) return Number(name);
  const lines = (await readFile('/etc/group', 'utf8')).split('\n');
  const fields = lines.map((line) => line.split(':')).find(([group]) => group === name);
  return fields === undefined ? undefined : Number(fields[2]);
}
