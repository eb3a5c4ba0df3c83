/**
 * A virtual Ethernet switch (IEEE 802.1D, learning, without spanning tree: its ports cannot form a loop).
 *
 * In: frames from the attached devices. Out: each frame to the port that its destination was learnt on, or to all
 * others. May import: libos's device types.
 */
import { ethernetHeaderBytes, type FrameDevice } from '@noos/libos';

/** Entries of the address table; the oldest is forgotten when a new address would exceed it. */
const defaultMaxAddresses = 1024;

export interface Switch {
  /** Connects a device as a port and returns what disconnects it again. Its `receive` belongs to the switch until then. */
  attach(device: FrameDevice): () => void;
  /** Addresses learnt now. */
  readonly addressCount: number;
}

/** The 48-bit address at `offset` as a number (exact: below 2^53). */
const addressAt = (frame: Uint8Array, offset: number): number =>
  ((frame[offset]! << 8) | frame[offset + 1]!) * 0x1_0000_0000 +
  (((frame[offset + 2]! << 24) |
    (frame[offset + 3]! << 16) |
    (frame[offset + 4]! << 8) |
    frame[offset + 5]!) >>>
    0);

/** The group bit: multicast and broadcast (IEEE 802.3 §3.2.3). */
const isGroup = (frame: Uint8Array, offset: number): boolean => (frame[offset]! & 1) !== 0;

/** Makes a switch. Ports that are full lose frames, as Ethernet's do. */
export function createSwitch(maxAddresses = defaultMaxAddresses): Switch {
  const ports = new Set<FrameDevice>();
  const learnt = new Map<number, FrameDevice>();

  function learn(source: number, port: FrameDevice): void {
    if (learnt.get(source) === port) return;
    learnt.delete(source);
    if (learnt.size >= maxAddresses) learnt.delete(learnt.keys().next().value!);
    learnt.set(source, port);
  }

  function send(port: FrameDevice, frame: Uint8Array): void {
    if (frame.length <= port.mtuBytes + ethernetHeaderBytes) port.transmit(frame);
  }

  function forward(from: FrameDevice, frame: Uint8Array): void {
    if (frame.length < ethernetHeaderBytes || !ports.has(from)) return;
    if (!isGroup(frame, 6)) learn(addressAt(frame, 6), from);
    const to = isGroup(frame, 0) ? undefined : learnt.get(addressAt(frame, 0));
    if (to !== undefined) {
      if (to !== from) send(to, frame);
    } else for (const port of ports) if (port !== from) send(port, frame);
  }

  return {
    attach(device) {
      ports.add(device);
      device.receive = (frame) => forward(device, frame);
      return () => {
        if (!ports.delete(device)) return;
        device.receive = () => {};
        for (const [address, port] of learnt) if (port === device) learnt.delete(address);
      };
    },
    get addressCount() {
      return learnt.size;
    },
  };
}
