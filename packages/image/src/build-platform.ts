/**
 * The platform while the top level is evaluated: a console, and nothing else.
 *
 * In: nothing. Out: a `Platform` that collects console bytes and refuses the rest. May import: abi.
 */
import type { Platform } from '@noos/abi';

/** Thrown when libos panics or reaches for the outside at build time. */
export class BuildPanic extends Error {}

export interface BuildPlatform {
  platform: Platform;
  /** What has been written to the console so far. */
  text(): string;
}

export function createBuildPlatform(): BuildPlatform {
  const chunks: Uint8Array[] = [];
  // libos answers with BuildTimeError before it gets here; this is what holds if it does not.
  const refuse = (name: string) => (): never => {
    throw new BuildPanic(`${name} at build time`);
  };
  return {
    text: () => Buffer.concat(chunks).toString(),
    platform: {
      parametersRead: refuse('parameters_read'),
      netReceive: refuse('net_receive'),
      netTransmit: refuse('net_transmit'),
      blockSubmit: refuse('block_submit'),
      blockComplete: refuse('block_complete'),
      entropyRead: refuse('entropy_read'),
      memoryRelease: refuse('memory_release'),
      exit: refuse('exit'),
      consoleWrite: (_stream, text) => void chunks.push(text.slice()),
      panic: (message) => {
        throw new BuildPanic(new TextDecoder().decode(message));
      },
    },
  };
}
