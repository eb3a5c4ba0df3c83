/**
 * The Linux system calls that Node does not have, one function each.
 *
 * In: numbers, paths, file descriptors. Out: results, or an Error with `code` (`ENOENT`, …), `errno`, `syscall` and
 * `path`, shaped as Node's own. May import: the addon (c/).
 */
import { addon } from './addon.js';
import { builtPath } from './built.js';

/** Program that runs `runc exec --detach` and waits for the process it leaves behind (programs/exec-monitor.c). */
export const execMonitorPath = builtPath('exec-monitor');

/** Program that runs `runc exec` and keeps its process's limit of open files (programs/limit-keeper.c). */
export const limitKeeperPath = builtPath('limit-keeper');

/** Flags of mount(2). */
export const mountFlags = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  move: 8192,
  recursive: 16384,
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
} as const;

/** Flags of umount2(2). */
export const unmountFlags = { force: 1, detach: 2, expire: 4, noFollow: 8 } as const;

export interface MountOptions {
  source: string;
  target: string;
  /** File system type; "" for bind and propagation changes. */
  type: string;
  /** Sum of `mountFlags`. */
  flags?: number;
  /** Options of the file system: `lowerdir=…,upperdir=…`; at most a page (4095 bytes). */
  data?: string;
  /** Directory that relative paths in `data` start from: keeps many overlay layers within the page. */
  directory?: string;
}

/** mount(2), on a thread of its own. */
export const mount = (options: MountOptions): Promise<void> =>
  addon.mount(
    options.source,
    options.target,
    options.type,
    options.flags ?? 0,
    options.data ?? '',
    options.directory ?? '',
  );

/** umount2(2), on a thread of its own; `flags` a sum of `unmountFlags`. */
export const unmount = (target: string, flags = 0): Promise<void> => addon.unmount(target, flags);

/** Makes a network namespace, brings its loopback up and binds it to the file `path`, which must not exist. */
export const createNetworkNamespace = (path: string): Promise<void> => addon.createNetworkNamespace(path);

/**
 * A non-blocking socket bound inside the network namespace at `path` ("": our own); a tcp one listens (backlog 128),
 * one with an IPv6 address is for IPv6 only. The socket stays in that namespace. Hand the number to
 * `net.Server.listen({fd})` or `dgram.Socket.bind({fd})`.
 */
export const openSocketInNamespace = (
  path: string,
  kind: 'udp' | 'tcp',
  address: string,
  port: number,
): number => addon.openSocketInNamespace(path, kind === 'udp' ? 1 : 0, address, port);

/** Writes `value` to a file of /proc/sys as the network namespace at `path` sees it: `net/ipv4/ip_forward`. */
export const writeSysctlInNamespace = (path: string, name: string, value: string): Promise<void> =>
  addon.writeSysctlInNamespace(path, name, value);

/**
 * openat2(2) with RESOLVE_IN_ROOT: `path` is resolved as if `rootFd` were `/`, symlinks and `..` included, whatever
 * others do to the tree meanwhile. `flags` as in `fs.constants` (O_CLOEXEC is added), or `openFlags`.
 */
export const openInRoot = (rootFd: number, path: string, flags: number, mode = 0): number =>
  addon.openInRoot(rootFd, path, flags, mode);

/** Flags of open(2) that `fs.constants` lacks. */
export const openFlags = { path: 0o10000000, closeOnExec: 0o2000000 } as const;

/** mknod(2): `mode` with its S_IF bits; device numbers for character and block devices. */
export const makeNode = (path: string, mode: number, major = 0, minor = 0): void =>
  addon.makeNode(path, mode, major, minor);

/** lsetxattr(2). */
export const setAttribute = (path: string, name: string, value: Uint8Array): void =>
  addon.setAttribute(path, name, value);

/** lgetxattr(2); undefined when there is no such attribute. */
export const getAttribute = (path: string, name: string): Buffer | undefined =>
  addon.getAttribute(path, name);

/** llistxattr(2). */
export const listAttributes = (path: string): string[] => addon.listAttributes(path);

/** lremovexattr(2). */
export const removeAttribute = (path: string, name: string): void => addon.removeAttribute(path, name);

/** utimensat(2) without following a link: nanoseconds since the epoch. */
export const setTimes = (path: string, accessNs: bigint, modifiedNs: bigint): void =>
  addon.setTimes(path, accessNs, modifiedNs);

/** flock(2), exclusive and non-blocking; throws EWOULDBLOCK when another process holds it. */
export const lockFile = (fd: number): void => addon.lockFile(fd);

/** syncfs(2) on the file system that holds the directory `path`: all that was written to it is on disk afterwards. */
export const syncFileSystem = (path: string): Promise<void> => addon.syncFileSystem(path);

/**
 * Connects to a SOCK_SEQPACKET socket and returns a stream socket that carries its packets: towards us each packet
 * with a 32-bit big-endian length before it; from us plain bytes, cut into packets of at most 8192. Shutting down
 * our writing half shuts down the other's.
 */
export const connectSeqpacket = (path: string): number => addon.connectSeqpacket(path);

/** Protocols of netlink(7). */
export const netlinkProtocols = { route: 0, netfilter: 12 } as const;

/** Room for the answers of one exchange; more is EMSGSIZE. */
const usualReplyBytes = 1 << 16;

/**
 * Sends `requests` netlink messages that lie one after the other in `messages`, each with NLM_F_ACK or NLM_F_DUMP,
 * from the network namespace at `path` ("": our own). Resolves with the messages that came back, without
 * acknowledgements; rejects with the first error, `path` naming the message's sequence number. The kernel works off
 * the messages after a failed one too.
 */
export async function exchangeNetlink(
  path: string,
  protocol: number,
  messages: Buffer,
  requests: number,
  replyBytes = usualReplyBytes,
): Promise<Buffer> {
  const reply = Buffer.allocUnsafeSlow(replyBytes);
  await addon.exchangeNetlink(path, protocol, requests, messages, reply);
  // Both buffers are written and read by another thread until here: they must stay reachable.
  return messages.length === 0 ? Buffer.alloc(0) : reply.subarray(4, 4 + reply.readUInt32LE(0));
}

/**
 * A stream socket with the messages of a netlink multicast group, one after the other as the kernel sends them; an
 * NLMSG_OVERRUN (4) tells that some were lost. Closing it ends the subscription.
 */
export const watchNetlink = (protocol: number, group: number): number => addon.watchNetlink(protocol, group);

/**
 * posix_spawn(3): starts `command[0]`, a path, in a session of its own, in `/`, with default signals, and returns its
 * process ID. Its descriptor n is `descriptors[n]`, or /dev/null for -1; nothing else is open in it. Its exit code is
 * not told. Unlike `child_process.spawn` it does not copy the page tables of this process first.
 */
export const spawnProgram = (
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  descriptors: readonly number[],
): number =>
  addon.spawnProgram(
    command,
    Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    descriptors,
  );

/** pipe2(2): both ends, closed on exec. */
export function openPipe(): { read: number; write: number } {
  const [read, write] = addon.openPipe();
  return { read, write };
}

/**
 * memfd_create(2): a descriptor of a copy of the program at `path` in memory, sealed against every change. It can be
 * run as `/proc/<pid>/fd/<descriptor>` while this process lives.
 */
export const sealedCopy = (path: string): number => addon.sealedCopy(path);

export interface Datagrams {
  /** That the socket is bound to. */
  readonly port: number;
  /** Sends to a peer that was heard of; lost without a word when the socket is full or closed. */
  send(message: Buffer, peer: string): void;
  close(): void;
}

/**
 * Calls `serve` with each datagram that arrives at `fd`, a bound non-blocking UDP socket, which it owns from now on.
 * What it returns is sent back at once. `peer` stands for the sender and the address it sent to, from which answers
 * leave; equal for datagrams that agree in both, it can be a key, and answers later ones.
 */
export function serveDatagrams(
  fd: number,
  serve: (message: Buffer, peer: string) => Buffer | undefined,
): Datagrams {
  const port = addon.socketPort(fd);
  const datagrams = addon.serveDatagrams(fd, serve);
  return {
    port,
    send: (message, peer) => addon.sendDatagram(datagrams, message, peer),
    close: () => addon.closeDatagrams(datagrams),
  };
}
