/**
 * TAP devices of the host: an existing one is used as it is, a missing one is made and removed again.
 *
 * In: a name, an address for the host's side. Out: the device, or HostError. May import: errors.
 */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { HostError } from '../errors.js';

const run = promisify(execFile);

/** The kind of the interface of that name (`tap`, `veth`, …), "" for one without; undefined when there is none. */
async function linkKind(name: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('ip', ['-json', '-details', 'link', 'show', 'dev', name]);
    const [link] = JSON.parse(stdout) as {
      linkinfo?: { info_kind?: string; info_data?: { type?: string } };
    }[];
    return link?.linkinfo?.info_data?.type ?? link?.linkinfo?.info_kind ?? '';
  } catch (error) {
    if (/does not exist/.test(String((error as { stderr?: string }).stderr))) return undefined;
    throw explain(error, name);
  }
}

/** Packets that wait for the unikernel: a SYN of each of 10,000 clients at once. The kernel's 1,000 would drop most. */
const queuedPackets = 10_000;

/** IFNAMSIZ less the NUL (linux/if.h), without what would need quoting. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/;

export interface Tap {
  name: string;
  /** True when this call made it; then `remove` takes it away again. */
  created: boolean;
  remove(): Promise<void>;
}

function explain(error: unknown, name: string): HostError {
  const text = String((error as { stderr?: string }).stderr ?? (error as Error).message);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT')
    return new HostError(
      'tap-missing',
      `cannot make TAP device ${name}: the command ip is missing, install iproute2`,
    );
  if (/Operation not permitted|Permission denied/i.test(text))
    return new HostError(
      'tap-forbidden',
      `no permission to make TAP device ${name}: run as root, or have root make it: ip tuntap add ${name} mode tap user $USER`,
      { cause: error },
    );
  return new HostError('tap-busy', `cannot make TAP device ${name}: ${text.trim().split('\n')[0]}`, {
    cause: error,
  });
}

/**
 * Has the device removed when the returned function is called, and also when this process ends without calling it: a
 * shell waits for the end of a pipe that only this process holds.
 */
async function removeAtTheEnd(name: string): Promise<() => Promise<void>> {
  const script = 'read _; exec ip link delete dev "$0"';
  const guard = spawn('sh', ['-c', script, name], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  await new Promise<void>((resolve, reject) => {
    guard.once('spawn', resolve);
    guard.once('error', (error) => reject(explain(error, name)));
  });
  const removed = new Promise<void>((resolve) => guard.once('close', () => resolve()));
  guard.unref();
  return async () => {
    guard.ref();
    guard.stdin.end();
    await removed;
  };
}

/**
 * Makes sure that TAP device `name` exists. One that is made gets `hostAddress` (`192.0.2.1/24`) when given, and is
 * brought up.
 */
export async function openTap(name: string, hostAddress: string | undefined): Promise<Tap> {
  if (!namePattern.test(name))
    throw new HostError(
      'bad-option',
      `${name} is no name for a network device: 1 to 15 letters, digits, - _ .`,
    );
  const kind = await linkKind(name);
  if (kind !== undefined) {
    if (kind !== 'tap')
      throw new HostError('tap-busy', `${name} is a network device but no TAP device: choose another name`);
    return { name, created: false, remove: async () => {} };
  }
  try {
    await run('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap', 'vnet_hdr']);
  } catch (error) {
    throw explain(error, name);
  }
  const remove = await removeAtTheEnd(name);
  try {
    if (hostAddress !== undefined) await run('ip', ['address', 'add', hostAddress, 'dev', name]);
    await run('ip', ['link', 'set', 'dev', name, 'txqueuelen', String(queuedPackets), 'up']);
  } catch (error) {
    await remove();
    throw explain(error, name);
  }
  return { name, created: true, remove };
}
