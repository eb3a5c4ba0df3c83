/**
 * What every target implements.
 *
 * In: an image and what it is attached to. Out: a started unikernel. May import: libos's device types.
 */
import type { FrameDevice } from '@noos/libos';

export const targetNames = ['node', 'process', 'vm'] as const;
export type TargetName = (typeof targetNames)[number];

export type ConsoleWriter = (stream: 1 | 2, bytes: Uint8Array) => void;

/** Where the unikernel's network device leads. */
export type Attachment =
  /** The virtual switch: `connect` plugs a device in and returns what takes it out again. */
  | { kind: 'switch'; mtuBytes: number; connect: (device: FrameDevice) => () => void }
  /** An existing TAP device of the host. */
  | { kind: 'tap'; name: string };

/** A static address instead of DHCP. */
export interface StaticAddress {
  /** `192.0.2.2/24` */
  cidr: string;
  gateway: string | undefined;
  dnsServers: readonly string[];
}

export interface TargetOptions {
  imagePath: string;
  attachment: Attachment;
  /** `02:00:00:00:00:01` */
  mac: string;
  address: StaticAddress | undefined;
  /** Start parameters besides those of the network, memory and disks. */
  parameters: ReadonlyMap<string, string>;
  memoryBytes: number | undefined;
  diskPaths: readonly string[];
  console: ConsoleWriter;
  /** Receives lines for the person who started it. */
  note: (line: string) => void;
}

/** A unikernel that runs. */
export interface TargetRun {
  /** Its exit code: of the application, 134 after a panic, 128 + N when signal N ended it. */
  exited: Promise<number>;
  /** Asks it to stop: it finishes what is in progress. */
  stop(): void;
  /** Ends it now. */
  kill(): void;
}

export type Target = (options: TargetOptions) => Promise<TargetRun>;

/** The network's start parameters, the same on every target (docs/architecture.md). */
export function networkParameters(options: TargetOptions, mtuBytes: number): Map<string, string> {
  const { address } = options;
  const parameters = new Map([
    ['net.0.mac', options.mac],
    ['net.0.mtu', String(mtuBytes)],
    ['net.0.features', '0'],
    ['net.0.ipv4', address?.cidr ?? 'dhcp'],
  ]);
  if (address?.gateway !== undefined) parameters.set('net.0.gateway', address.gateway);
  if (address !== undefined && address.dnsServers.length > 0)
    parameters.set('dns.servers', address.dnsServers.join(','));
  return parameters;
}
