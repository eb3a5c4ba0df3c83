/**
 * Records the frames of devices in a pcapng file.
 *
 * In: a path, devices. Out: devices that record. May import: libos's devices, errors.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { type FrameDevice, systemClock, withPcap } from '@noos/libos';
import { HostError } from '../errors.js';

export interface Capture {
  /** `device`, every frame of which goes to the file. */
  wrap(device: FrameDevice): FrameDevice;
  /** Writes what waits and closes the file. */
  close(): void;
}

/** Opens the file; throws `pcap-unwritable`. Frames are written once per turn of the event loop. */
export function startCapture(path: string): Capture {
  let file: number;
  try {
    file = openSync(path, 'w');
  } catch (error) {
    throw new HostError('pcap-unwritable', `cannot write ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let chunks: Uint8Array[] = [];
  let open = true;
  const flush = (): void => {
    if (open && chunks.length > 0) writeSync(file, Buffer.concat(chunks));
    chunks = [];
  };
  return {
    wrap: (device) =>
      withPcap(
        device,
        (bytes) => {
          if (chunks.length === 0) setImmediate(flush);
          chunks.push(bytes);
        },
        systemClock,
      ),
    close() {
      if (!open) return;
      flush();
      open = false;
      closeSync(file);
    },
  };
}
