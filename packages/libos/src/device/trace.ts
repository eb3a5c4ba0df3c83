/**
 * A device that shows every frame to an observer. In: a device, an observer. Out: a device. May import: frame-device.
 */
import type { FrameDevice } from './frame-device.js';

export type FrameDirection = 'transmit' | 'receive';

/** Calls `observe` with every frame that `device` takes and every one that it gives; the bytes are valid only then. */
export function withTrace(
  device: FrameDevice,
  observe: (direction: FrameDirection, frame: Uint8Array) => void,
): FrameDevice {
  const wrapped: FrameDevice = {
    mtuBytes: device.mtuBytes,
    transmit(frame) {
      const taken = device.transmit(frame);
      if (taken) observe('transmit', frame);
      return taken;
    },
    receive() {},
  };
  device.receive = (frame) => {
    observe('receive', frame);
    wrapped.receive(frame);
  };
  return wrapped;
}
