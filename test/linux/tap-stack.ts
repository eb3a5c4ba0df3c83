/**
 * Our stack on one side of a TAP device, Linux's in a network namespace on the other.
 *
 * In: a namespace, faults to inject. Out: a running `Stack` and its addresses. May import: libos.
 */
import {
  type Faults,
  type FrameDevice,
  frameCable,
  loadStack,
  type Stack,
  systemClock,
  withFaults,
} from '@noos/libos';
import type { Namespace } from './namespace.js';
import { openTapPort, tapMtuBytes } from './tap-port.js';

/** Addresses of the link: Linux has .1, our stack .2. */
export const linuxAddress = '10.78.0.1';
export const linuxAddressNumber = 0x0a4e0001;
export const stackAddress = '10.78.0.2';
export const stackAddressNumber = 0x0a4e0002;
export const stackMac = 0x02_00_00_00_78_02;

export interface TapStack {
  stack: Stack;
  /** Gives our stack a frame as if it had come from the device. */
  inject(frame: Uint8Array): void;
  close(): void;
}

/** `port` behind a cable whose both ends lose, repeat and reorder frames. */
function disturbed(port: FrameDevice, faults: Faults): FrameDevice {
  const [near, far] = frameCable(tapMtuBytes);
  const inbound = withFaults(far, { ...faults, seed: faults.seed + 1 }, systemClock);
  inbound.receive = (frame) => void port.transmit(frame);
  port.receive = (frame) => void inbound.transmit(frame);
  return withFaults(near, faults, systemClock);
}

/** Creates device `tap0` in the namespace and a stack on it; `faults` disturb both directions. */
export async function startTapStack(namespace: Namespace, faults?: Faults): Promise<TapStack> {
  const tap = await openTapPort(namespace, `${linuxAddress}/24`);
  const { port } = tap;
  const device = faults === undefined ? port : disturbed(port, faults);
  const stack = await loadStack({
    interfaces: [{ device, mac: stackMac, ipv4: { address: stackAddressNumber, prefixLength: 24 } }],
  });
  return {
    stack,
    inject: (frame) => device.receive(frame),
    close() {
      stack.close();
      tap.close();
    },
  };
}
