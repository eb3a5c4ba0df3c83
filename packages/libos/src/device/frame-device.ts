/**
 * What carries Ethernet frames: a cable between two ends, a switch port, a socket, or a wrapper of one of these.
 *
 * In: frames without virtio_net_hdr and FCS. Out: the same frames at the other end. May import: nothing.
 */

export interface FrameDevice {
  /** Largest IP packet carried; a frame has 14 bytes more. */
  readonly mtuBytes: number;
  /** Sends a frame; its bytes are read before the call returns. False: the device is full and took nothing. */
  transmit(frame: Uint8Array): boolean;
  /** Set by the user of the device; called with every frame that arrives. The bytes are valid only during the call. */
  receive: (frame: Uint8Array) => void;
}

/** Bytes of an Ethernet header (IEEE 802.3 §3.1.1). */
export const ethernetHeaderBytes = 14;

/** A cable: what one end transmits, the other receives at once, within the call. */
export function frameCable(mtuBytes = 1500): [FrameDevice, FrameDevice] {
  const end = (other: () => FrameDevice): FrameDevice => ({
    mtuBytes,
    transmit(frame) {
      if (frame.length > mtuBytes + ethernetHeaderBytes) return true;
      other().receive(frame);
      return true;
    },
    receive() {},
  });
  const ends: [FrameDevice, FrameDevice] = [end(() => ends[1]), end(() => ends[0])];
  return ends;
}
