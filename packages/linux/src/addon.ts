/**
 * Loads the addon that `npm run build` compiles from c/. May import: built.
 */
import { createRequire } from 'node:module';
import { builtPath } from './built.js';

interface Addon {
  mount(
    source: string,
    target: string,
    type: string,
    flags: number,
    data: string,
    directory: string,
  ): Promise<void>;
  unmount(target: string, flags: number): Promise<void>;
  createNetworkNamespace(path: string): Promise<void>;
  openSocketInNamespace(path: string, datagram: number, address: string, port: number): number;
  writeSysctlInNamespace(path: string, name: string, value: string): Promise<void>;
  openInRoot(rootFd: number, path: string, flags: number, mode: number): number;
  makeNode(path: string, mode: number, major: number, minor: number): void;
  setAttribute(path: string, name: string, value: Uint8Array): void;
  getAttribute(path: string, name: string): Buffer | undefined;
  listAttributes(path: string): string[];
  removeAttribute(path: string, name: string): void;
  setTimes(path: string, accessNs: bigint, modifiedNs: bigint): void;
  lockFile(fd: number): void;
  syncFileSystem(path: string): Promise<void>;
  connectSeqpacket(path: string): number;
  watchNetlink(protocol: number, group: number): number;
  exchangeNetlink(
    path: string,
    protocol: number,
    requests: number,
    request: Buffer,
    reply: Buffer,
  ): Promise<void>;
  spawnProgram(
    command: readonly string[],
    environment: readonly string[],
    descriptors: readonly number[],
  ): number;
  openPipe(): [number, number];
  sealedCopy(path: string): number;
  serveDatagrams(fd: number, serve: (message: Buffer, peer: string) => Buffer | undefined): object;
  sendDatagram(datagrams: object, message: Buffer, peer: string): void;
  socketPort(fd: number): number;
  closeDatagrams(datagrams: object): void;
}

const load = (): Addon => {
  try {
    return createRequire(import.meta.url)(builtPath('linux.node')) as Addon;
  } catch (error) {
    throw new Error('the linux addon is not built: install gcc and run npm run build', { cause: error });
  }
};

export const addon = load();
