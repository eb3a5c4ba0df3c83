/**
 * Drives a unikernel on Node's event loop: a turn when an input waits or the deadline has come, nothing between.
 *
 * In: a unikernel and its platform. Out: its exit code. May import: abi, the platform beside it.
 */
import type { Unikernel } from '@noos/abi';
import { panicExitCode } from './exit-codes.js';
import { type NodePlatform, Panic } from './node-platform.js';

/** The deadline that means none. */
const never = 2n ** 64n - 1n;
const nsPerMs = 1_000_000n;
/** setTimeout's longest delay; a later deadline takes several. */
const maxTimeoutMs = 2 ** 31 - 1;

export interface Clocks {
  monotonicNs(): bigint;
  wallNs(): bigint;
}

export const hostClocks: Clocks = {
  monotonicNs: () => process.hrtime.bigint(),
  wallNs: () => BigInt(Date.now()) * nsPerMs,
};

export interface Running {
  /** The exit code: of `exit`, 134 after a panic or a trap, 137 after `kill`. */
  exited: Promise<number>;
  /** Ends it without asking. */
  kill(): void;
}

/** Calls `start` and then every turn. Inputs that arrive together share one turn. */
export function runTurns(unikernel: Unikernel, node: NodePlatform, clocks: Clocks = hostClocks): Running {
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;
  let inTurn = false;
  let ended = false;
  let resolveExited: (code: number) => void;
  const exited = new Promise<number>((resolve) => {
    resolveExited = resolve;
  });

  function end(code: number): void {
    ended = true;
    node.wake = () => {};
    clearTimeout(timer);
    clearImmediate(immediate);
    resolveExited(code);
  }

  function schedule(): void {
    if (ended || inTurn || immediate !== undefined) return;
    clearTimeout(timer);
    immediate = setImmediate(() =>
      step(() => unikernel.turn(clocks.monotonicNs(), clocks.wallNs(), node.takeEvents())),
    );
  }

  function waitUntil(deadlineNs: bigint): void {
    if (node.hasEvents()) {
      schedule();
      return;
    }
    if (deadlineNs === never) return;
    const delayNs = deadlineNs - clocks.monotonicNs();
    if (delayNs <= 0n) {
      schedule();
      return;
    }
    const delayMs = Number((delayNs + nsPerMs - 1n) / nsPerMs);
    timer = setTimeout(
      () => (delayMs > maxTimeoutMs ? waitUntil(deadlineNs) : schedule()),
      Math.min(delayMs, maxTimeoutMs),
    );
  }

  function step(call: () => bigint): void {
    immediate = undefined;
    inTurn = true;
    let deadlineNs: bigint;
    try {
      deadlineNs = call();
    } catch (error) {
      const what = error instanceof Panic ? error.message : `trap: ${(error as Error).stack ?? error}`;
      node.platform.consoleWrite(2, new TextEncoder().encode(`panic: ${what}\n`));
      end(panicExitCode);
      return;
    } finally {
      inTurn = false;
    }
    const code = node.exitCode();
    if (code !== undefined) end(code);
    else waitUntil(deadlineNs);
  }

  node.wake = schedule;
  step(() => unikernel.start(clocks.monotonicNs(), clocks.wallNs()));
  return { exited, kill: () => ended || end(137) };
}
