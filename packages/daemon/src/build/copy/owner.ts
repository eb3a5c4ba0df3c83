/**
 * `--chown` and `--chmod` of COPY and ADD.
 *
 * In: the flag's text, the passwd and group files of an image. Out: numbers, or Error with Docker's text.
 * May import: scope.
 */
import { userFileLimitBytes } from '../../containers/spec/user-files.js';
import { readRegular, resolveInRoot } from '../context/scope.js';

export interface Owner {
  uid: number;
  gid: number;
}

/** Finds a name in passwd(5) or group(5): the third field of its line. */
export function lookupName(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [entry, , id] = line.split(':');
    if (entry === name && /^\d+$/.test(id ?? '')) return Number(id);
  }
  return undefined;
}

async function readBelow(root: string, path: string): Promise<string> {
  const bytes = await readRegular(await resolveInRoot(root, path), userFileLimitBytes);
  if (bytes === undefined) throw new Error(`open ${path}: no such file or directory`);
  return bytes.toString('utf8');
}

async function idOf(root: string, file: string, name: string, what: string): Promise<number> {
  if (/^[-+]?\d+$/.test(name)) return Number(name);
  const id = lookupName(await readBelow(root, file), name);
  if (id === undefined) throw new Error(`no such ${what}: ${name}`);
  return id;
}

/** `user`, `user:group`, numbers or names of the image below `root`. */
export async function parseOwner(root: string, text: string): Promise<Owner> {
  const prefix = 'unable to convert uid/gid chown string to host mapping';
  const parts = text.split(':');
  if (parts.length > 2) throw new Error(`${prefix}: invalid chown string format: ${text}`);
  const user = parts[0]!;
  const group = parts[1] ?? user;
  const wrap = (what: string) => (error: unknown) => {
    throw new Error(`${prefix}: can't find ${what}: ${error instanceof Error ? error.message : error}`);
  };
  return {
    uid: await idOf(root, '/etc/passwd', user, 'user').catch(wrap(`uid for user ${user}`)),
    gid: await idOf(root, '/etc/group', group, 'group').catch(wrap(`gid for group ${group}`)),
  };
}

/** Octal digits up to 7777. */
export function parseMode(text: string): number {
  const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (!(mode <= 0o7777))
    throw new Error(`invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
  return mode;
}
