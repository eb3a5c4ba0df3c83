/**
 * Records the frames of devices in a pcapng file.
 *
 * In: a path, devices. Out: devices that record. May import: libos's devices, errors.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { type FrameDevice, systemClock, withPcap } from '@noos/libos';
import { HostError } from '../errors.js';

export interface Capture {
  /** `device`, every frame of which goes to the file. */
  wrap(device: FrameDevice): FrameDevice;
  /** Writes what waits and closes the file. */
  close(): void;
}

/**
 * Opens the file for its owner alone, since frames hold what users and services said; a file that was there keeps its
 * mode. Throws `pcap-unwritable`. Frames are written once per turn of the event loop. */
export function startCapture(path: string, note: (line: string) => void): Capture {
  let file: number;
  try {
    // Not blocking: a FIFO without a reader is an error, not a wait.
    file = openSync(
      path,
      constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NONBLOCK,
      0o600,
    );
  } catch (error) {
    throw new HostError('pcap-unwritable', `cannot write ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let chunks: Uint8Array[] = [];
  let open = true;
  const flush = (): void => {
    const bytes = Buffer.concat(chunks);
    chunks = [];
    try {
      for (let written = 0; open && written < bytes.length; ) written += writeSync(file, bytes, written);
    } catch (error) {
      note(`the recording in ${path} ends here: ${(error as Error).message}`);
      close();
    }
  };
  function close(): void {
    if (!open) return;
    open = false;
    closeSync(file);
  }
  return {
    wrap: (device) =>
      withPcap(
        device,
        (bytes) => {
          if (!open) return;
          if (chunks.length === 0) setImmediate(flush);
          chunks.push(bytes);
        },
        systemClock,
      ),
    close() {
      flush();
      close();
    },
  };
}
