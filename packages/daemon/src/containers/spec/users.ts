/**
 * User and groups of a process, looked up in the image's own files (passwd(5), group(5)).
 *
 * In: `user[:group]`, contents of /etc/passwd and /etc/group. Out: numbers. May import: errors.
 */
import { DaemonError } from '../../errors.js';

export interface ProcessUser {
  uid: number;
  gid: number;
  additionalGids: number[];
}

export interface UserFiles {
  passwd: string;
  group: string;
}

interface Account {
  name: string;
  uid: number;
  gid: number;
}
interface Group {
  name: string;
  gid: number;
  members: string[];
}

const largestId = 2 ** 31 - 1;

const rows = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));

const accounts = (text: string): Account[] =>
  rows(text).map(([name = '', , uid = '', gid = '']) => ({ name, uid: Number(uid), gid: Number(gid) }));
const groups = (text: string): Group[] =>
  rows(text).map(([name = '', , gid = '', members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter(Boolean),
  }));

const number = (text: string): number | undefined => (/^\d+$/.test(text) ? Number(text) : undefined);

function inRange(id: number): number {
  if (id > largestId) throw new DaemonError('invalid', 'uids and gids must be in range 0-2147483647');
  return id;
}

/** As runc's `user.GetExecUser`: names win over numbers; a number needs no entry. `extra` is `--group-add`. */
export function lookUpUser(wanted: string, files: UserFiles, extra: readonly string[] = []): ProcessUser {
  const [userText = '', groupText = ''] = wanted.split(':', 2);
  const allGroups = groups(files.group);
  const allAccounts = accounts(files.passwd);
  const numericUser = number(userText);
  const account =
    allAccounts.find(({ name }) => name === userText && userText !== '') ??
    allAccounts.find(({ uid }) => uid === (userText === '' ? 0 : numericUser));
  if (account === undefined && userText !== '' && numericUser === undefined)
    throw new DaemonError('invalid', `unable to find user ${userText}: no matching entries in passwd file`);
  const uid = inRange(account?.uid ?? numericUser ?? 0);
  let gid = account?.gid ?? 0;
  let additional: number[] = [];
  if (groupText === '') {
    if (account !== undefined)
      additional = allGroups
        .filter(({ members }) => members.includes(account.name))
        .map((group) => group.gid);
  } else {
    const found = findGroup(groupText, allGroups);
    if (found === undefined)
      throw new DaemonError(
        'invalid',
        `unable to find group ${groupText}: no matching entries in group file`,
      );
    gid = found;
  }
  for (const text of extra) {
    const found = findGroup(text, allGroups);
    if (found === undefined)
      throw new DaemonError('invalid', `Unable to find group ${text}: no matching entries in group file`);
    additional.push(found);
  }
  // The primary group is among them, so that dropping it cannot widen what a process may do (CVE-2022-36109).
  return { uid, gid: inRange(gid), additionalGids: [...new Set([gid, ...additional])] };
}

function findGroup(text: string, all: readonly Group[]): number | undefined {
  const gid = all.find(({ name }) => name === text)?.gid ?? number(text);
  return gid === undefined ? undefined : inRange(gid);
}
