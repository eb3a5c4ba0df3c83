/**
 * The user-mode network: a virtual switch with a gateway, to which unikernels of any target are plugged in.
 *
 * In: options. Out: attachments for targets, published ports, captures. May import: switch, gateway, libos's devices.
 */
import { frameCable } from '@noos/libos';
import { parseIpv4, parseNetwork } from '../gateway/address.js';
import type { BoundPort } from '../gateway/bind.js';
import { startGateway } from '../gateway/gateway.js';
import type { PublishedPort } from '../gateway/port-spec.js';
import { createSwitch } from '../switch/switch.js';
import type { Attachment, StaticAddress } from '../targets/target.js';
import type { Capture } from './capture.js';

export const defaultNetwork = '10.99.0.0/24';
const mtuBytes = 1500;

export interface UserNetworkOptions {
  /** `10.99.0.0/24`; the gateway has its first address. */
  cidr?: string;
  /** False: guests do not reach the host's loopback through host.noos.internal. */
  hostLoopback?: boolean;
  /** DNS servers instead of the host's, `address` or `address:port`. */
  resolvers?: readonly string[];
}

export interface Station {
  attachment: Attachment;
  /** Opens ports of the host for this station; all or none. */
  publish(ports: readonly PublishedPort[]): Promise<BoundPort[]>;
}

export interface UserNetwork {
  /** A place for one unikernel with hardware address `mac`. `capture` records every frame it sends and gets. */
  station(mac: string, address: StaticAddress | undefined, capture?: Capture): Station;
  /** Once its guests have ended: delivers their last bytes, then closes. */
  close(): Promise<void>;
}

/** Starts a network without guests. */
export async function startUserNetwork(options: UserNetworkOptions = {}): Promise<UserNetwork> {
  const network = parseNetwork(options.cidr ?? defaultNetwork);
  const ethernet = createSwitch();
  const [gatewayEnd, switchEnd] = frameCable(mtuBytes);
  ethernet.attach(switchEnd);
  const gateway = await startGateway({
    device: gatewayEnd,
    network,
    hostLoopback: options.hostLoopback ?? true,
    ...(options.resolvers === undefined ? {} : { resolvers: options.resolvers }),
  });
  return {
    station(mac, address, capture) {
      let seen: () => void;
      const firstFrame = new Promise<void>((resolve) => {
        seen = resolve;
      });
      const fixed = address === undefined ? undefined : parseIpv4(address.cidr.split('/')[0] ?? '');
      // A static address answers once its owner is up, which its first frame tells.
      const guest = fixed === undefined ? gateway.leaseOf(mac) : firstFrame.then(() => fixed);
      return {
        attachment: {
          kind: 'switch',
          mtuBytes,
          connect(device) {
            const detach = ethernet.attach(capture === undefined ? device : capture.wrap(device));
            const { receive } = device;
            device.receive = (frame) => {
              seen();
              device.receive = receive;
              receive(frame);
            };
            return detach;
          },
        },
        async publish(ports) {
          const opened: BoundPort[] = [];
          try {
            for (const port of ports) opened.push(await gateway.publish(port, guest));
          } catch (error) {
            for (const port of opened) await port.close();
            throw error;
          }
          return opened;
        },
      };
    },
    close: gateway.close,
  };
}
