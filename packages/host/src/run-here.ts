/**
 * Runs a checked image in this thread: brings up its network, starts the target, takes all down again.
 *
 * In: an image, options. Out: a running unikernel. May import: targets, network, tap.
 */
import { randomBytes } from 'node:crypto';
import type { PublishedPort } from './gateway/port-spec.js';
import { type Capture, startCapture } from './network/capture.js';
import { startUserNetwork } from './network/user-network.js';
import type { RunningUnikernel, RunOptions } from './run-options.js';
import type { Attachment, Target, TargetName } from './targets/target.js';

/** Loaded when it is used: a start takes as long as what it loads. */
const targets: Record<TargetName, () => Promise<Target>> = {
  node: async () => (await import('./targets/node.js')).startNode,
  process: async () => (await import('./targets/process.js')).startProcess,
  vm: async () => (await import('./targets/vm.js')).startVm,
};

/** A random locally administered unicast address (IEEE 802 §8.2). */
const randomMac = (): string => `02${randomBytes(5).toString('hex')}`.replace(/..(?=.)/g, '$&:');

const noteOf = (options: RunOptions): ((line: string) => void) => options.note ?? (() => {});

interface Network {
  attachment: Attachment;
  ports: readonly PublishedPort[];
  close(): Promise<void>;
}

async function attachTap(name: string, options: RunOptions): Promise<Network> {
  const { address, pcap } = options;
  const prefix = address?.cidr.split('/')[1];
  const hostAddress = address?.gateway !== undefined ? `${address.gateway}/${prefix}` : undefined;
  const { openTap } = await import('./tap/tap.linux.js');
  const tap = await openTap(name, hostAddress);
  try {
    if (pcap !== undefined) return await attachRecordedTap(name, pcap, tap.remove, options);
  } catch (error) {
    await tap.remove();
    throw error;
  }
  return { attachment: { kind: 'tap', name }, ports: [], close: tap.remove };
}

/** The TAP device's frames pass through this process, which records them on every target. */
async function attachRecordedTap(
  name: string,
  pcap: string,
  remove: () => Promise<void>,
  options: RunOptions,
): Promise<Network> {
  const { openTapPort } = await import('./targets/tap-port.js');
  const capture = startCapture(pcap, noteOf(options));
  const port = await openTapPort(name, options.console).catch((error) => {
    capture.close();
    throw error;
  });
  const recorded = capture.wrap(port.device);
  return {
    attachment: {
      kind: 'switch',
      mtuBytes: recorded.mtuBytes,
      connect(device) {
        device.receive = (frame) => void recorded.transmit(frame);
        recorded.receive = (frame) => void device.transmit(frame);
        return port.close;
      },
    },
    ports: [],
    async close() {
      port.close();
      capture.close();
      await remove();
    },
  };
}

async function attachUserNetwork(mac: string, options: RunOptions): Promise<Network> {
  const network = await startUserNetwork(options.network);
  const close = async (): Promise<void> => {
    await network.close();
    capture?.close();
  };
  let capture: Capture | undefined;
  try {
    if (options.pcap !== undefined) capture = startCapture(options.pcap, noteOf(options));
    const station = network.station(mac, options.address, capture);
    const ports = await station.publish(options.ports ?? []);
    const plain = ports.map(({ close: _, ...port }) => port);
    return { attachment: station.attachment, ports: plain, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A host name of the image's name (RFC 1123 §2.1). */
const hostNameOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63) || 'unikernel';

/** Starts the image; `name` becomes its host name. */
export async function runHere(
  imagePath: string,
  name: string,
  options: RunOptions,
): Promise<RunningUnikernel> {
  const mac = randomMac();
  const network = await (options.tap === undefined
    ? attachUserNetwork(mac, options)
    : attachTap(options.tap, options));
  const parameters = new Map([
    ['host.name', hostNameOf(name)],
    ...Object.entries(options.env ?? {}).map(([key, value]): [string, string] => [`env.${key}`, value]),
    ...Object.entries(options.limits ?? {}),
  ]);
  try {
    const run = await (await targets[options.target]())({
      imagePath,
      attachment: network.attachment,
      mac,
      address: options.address,
      parameters,
      memoryBytes: options.memoryBytes,
      diskPaths: options.disks ?? [],
      console: options.console,
      note: noteOf(options),
    });
    return { ...run, ports: network.ports, exited: run.exited.finally(network.close) };
  } catch (error) {
    await network.close();
    throw error;
  }
}
