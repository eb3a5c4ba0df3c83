/**
 * A device that loses, duplicates, reorders, corrupts and delays frames on their way out, from a seed.
 *
 * In: a device, rates, a clock. Out: a device. May import: frame-device, random, clock.
 * Wrap both ends of a link to disturb both directions.
 */
import { createRandom } from '../random.js';
import type { Clock } from '../stack/clock.js';
import type { FrameDevice } from './frame-device.js';

export interface Faults {
  seed: number;
  /** Probabilities, 0 to 1. */
  loss?: number;
  duplicate?: number;
  /** A reordered frame is held back for 1 to 5 ms. */
  reorder?: number;
  /** One bit of the frame flips. */
  corrupt?: number;
  /** Delay of every frame. */
  delayMs?: number;
}

/** Range of the extra delay of a reordered frame, ms. */
const reorderMs = [1, 5] as const;

/** What `device` transmits suffers; what it receives does not. */
export function withFaults(device: FrameDevice, faults: Faults, clock: Clock): FrameDevice {
  const { seed, loss = 0, duplicate = 0, reorder = 0, corrupt = 0, delayMs = 0 } = faults;
  const random = createRandom(seed);

  function send(frame: Uint8Array): void {
    const copy = frame.slice();
    if (random.next() < corrupt && copy.length > 0) {
      const bit = random.below(copy.length * 8);
      copy[bit >> 3]! ^= 1 << (bit & 7);
    }
    let delay = delayMs;
    if (random.next() < reorder) delay += reorderMs[0] + random.next() * (reorderMs[1] - reorderMs[0]);
    if (delay === 0) return void device.transmit(copy);
    clock.at(clock.monotonicNs() + BigInt(Math.round(delay * 1e6)), () => device.transmit(copy));
  }

  const wrapped: FrameDevice = {
    mtuBytes: device.mtuBytes,
    transmit(frame) {
      if (random.next() < loss) return true;
      send(frame);
      if (random.next() < duplicate) send(frame);
      return true;
    },
    receive() {},
  };
  device.receive = (frame) => wrapped.receive(frame);
  return wrapped;
}
