/**
 * A git repository as a build context: `https://host/x.git#ref:directory`, `git://…`, `git@host:x`.
 *
 * In: the remote, an empty directory. Out: a checkout. May import: errors, linux/run.
 */
import { DaemonError } from '../../errors.js';
import { CommandError, run } from '../../linux/run.js';
import { resolveInRoot, statMaybe } from './scope.js';

export interface GitRemote {
  repository: string;
  /** "" for what HEAD of the remote points at. */
  ref: string;
  directory: string;
}

/** Moby's rules for what is taken as a repository. */
export const isGitUrl = (text: string): boolean =>
  /^https?:\/\/.*\.git(?:#.+)?$/.test(text) || /^(?:git:\/\/|github\.com\/|git@)/.test(text);

/** Splits the remote; throws DaemonError for what git could take as an option. */
export function parseGitRemote(remote: string): GitRemote {
  const hash = remote.indexOf('#');
  const address = hash < 0 ? remote : remote.slice(0, hash);
  const fragment = hash < 0 ? '' : remote.slice(hash + 1);
  const colon = fragment.indexOf(':');
  const ref = colon < 0 ? fragment : fragment.slice(0, colon);
  const directory = colon < 0 ? '' : fragment.slice(colon + 1);
  if (ref.startsWith('-')) throw new DaemonError('invalid', `invalid refspec: ${ref}`);
  return { repository: address.startsWith('github.com/') ? `https://${address}` : address, ref, directory };
}

/** No hooks, no local or helper transports, no questions. */
const safety = [
  ...['-c', 'core.hooksPath=/dev/null', '-c', 'core.askPass=true', '-c', 'credential.helper='],
  ...['-c', 'protocol.file.allow=never', '-c', 'protocol.ext.allow=never'],
] as const;

/** Fetches the wanted commit without its history; returns the directory that is the context. */
export async function checkOut(remote: GitRemote, directory: string): Promise<string> {
  const git = (...words: string[]): Promise<string> => run(['git', ...safety, '-C', directory, ...words]);
  try {
    await git('init', '--quiet');
    await git('remote', 'add', '--', 'origin', remote.repository);
    await git('fetch', '--quiet', '--depth', '1', '--', 'origin', remote.ref || 'HEAD');
    await git('checkout', '--quiet', '--force', 'FETCH_HEAD');
    await git('submodule', 'update', '--quiet', '--init', '--recursive', '--depth', '1');
  } catch (error) {
    if (error instanceof CommandError)
      throw new DaemonError('system', `unable to fetch the git repository: ${error.stderr.trim()}`, {
        cause: error,
      });
    throw error;
  }
  if (remote.directory === '') return directory;
  const context = await resolveInRoot(directory, remote.directory);
  if (!(await statMaybe(context))?.isDirectory())
    throw new DaemonError('system', `error setting git context, "${remote.directory}" not a directory`);
  return context;
}
