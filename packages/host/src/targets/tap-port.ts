/**
 * A TAP device as a frame device of this process, through noos-tap.
 *
 * In: the device's name. Out: its frames. May import: native, stream-port, child.
 */
import type { FrameDevice } from '@noos/libos';
import { noosTap } from '@noos/native';
import { streamPort } from '../stream-port/stream-port.js';
import { startChild, streamFd } from './child.js';
import { nativeRuntime } from './native-runtime.js';
import type { ConsoleWriter } from './target.js';

const tapMtuBytes = 1500;

export interface TapPort {
  device: FrameDevice;
  close(): void;
}

/** Joins the existing device `name`; errors of noos-tap go to `console`. Throws `runtime-not-built` when it is missing. */
export async function openTapPort(name: string, console: ConsoleWriter): Promise<TapPort> {
  const { path } = nativeRuntime(noosTap);
  const { run, stream } = await startChild([path, '--tap', name, '--fd', String(streamFd)], console);
  return { device: streamPort(stream, { mtuBytes: tapMtuBytes }), close: run.kill };
}
