/**
 * What a run takes and gives.
 *
 * In: nothing. Out: types. May import: the types of targets and gateway.
 */
import type { PublishedPort } from './gateway/port-spec.js';
import type { UserNetworkOptions } from './network/user-network.js';
import type { ConsoleWriter, StaticAddress, TargetName } from './targets/target.js';

export interface RunOptions {
  target: TargetName;
  /** Receives what the unikernel writes to its console. */
  console: ConsoleWriter;
  /** Receives lines for the person who started it, such as why KVM is not used. */
  note?: (line: string) => void;
  ports?: readonly PublishedPort[];
  /** Override the values of `env` compiled into the image. */
  env?: Readonly<Record<string, string>>;
  memoryBytes?: number;
  /** Start parameters that override the image's: limits of HTTP and TCP by name (docs/http.md, docs/architecture.md). */
  limits?: Readonly<Record<string, string>>;
  /** A TAP device instead of the user-mode network. */
  tap?: string;
  address?: StaticAddress;
  network?: UserNetworkOptions;
  /** File for every frame, pcapng. On a TAP device frames then pass through this process, without offloads. */
  pcap?: string;
  disks?: readonly string[];
  /** Asks the first published TCP port for `/` to measure the time to the first answer. */
  probe?: boolean;
}

export interface FirstAnswer {
  /** From the call of runUnikernel. */
  afterMs: number;
  status: number;
}

export interface RunningUnikernel {
  /** Published ports; a host port 0 has become the one that was picked. */
  ports: readonly PublishedPort[];
  /** With `probe`: settles with the first answer, undefined when the unikernel ended without one. */
  firstAnswer?: Promise<FirstAnswer | undefined>;
  /** The exit code, once everything is cleaned up. */
  exited: Promise<number>;
  /** Asks it to finish what is in progress and end. */
  stop(): void;
  /** Ends it now. */
  kill(): void;
}
