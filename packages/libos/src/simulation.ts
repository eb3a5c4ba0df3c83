/**
 * Several stacks on virtual time from one seed: every run of a test gives the same packets in the same order.
 *
 * In: a seed. Out: a clock that stands still until `run`, a random generator, links with delay, stacks on them.
 * May import: the devices and the stack.
 */
import { ethernetHeaderBytes, type FrameDevice } from './device/frame-device.js';
import { createRandom, type Random } from './random.js';
import type { Clock } from './stack/clock.js';
import { loadStack, type Stack, type StackOptions } from './stack/stack.js';

export interface Simulation {
  readonly clock: Clock;
  readonly random: Random;
  /** Virtual nanoseconds since the beginning. */
  nowNs(): bigint;
  /** A cable with a delay each way. */
  link(options?: { mtuBytes?: number; delayMs?: number }): [FrameDevice, FrameDevice];
  /** A stack on this clock and this generator. */
  stack(options: Omit<StackOptions, 'clock' | 'entropy'>): Promise<Stack>;
  /** Lets virtual time pass until nothing is to be done any more, at most `milliseconds`. */
  run(milliseconds: number): void;
  /** Lets time pass until `done`; throws when that is not so within `milliseconds`. */
  runUntil(done: () => boolean, milliseconds: number, what?: string): void;
}

interface Task {
  atNs: bigint;
  /** Order among tasks of one instant. */
  sequence: number;
  action: (() => void) | undefined;
}

/** Virtual epoch: 2026-01-01T00:00:00Z. */
const epochNs = 1_767_225_600_000_000_000n;

export function createSimulation(seed: number | bigint): Simulation {
  const random = createRandom(seed);
  const tasks: Task[] = [];
  let timeNs = 1_000_000_000n;
  let sequence = 0;

  const before = (a: Task, b: Task): boolean =>
    a.atNs < b.atNs || (a.atNs === b.atNs && a.sequence < b.sequence);

  function schedule(atNs: bigint, action: () => void): Task {
    const task: Task = { atNs: atNs < timeNs ? timeNs : atNs, sequence: sequence++, action };
    let index = tasks.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(task, tasks[parent]!)) break;
      tasks[index] = tasks[parent]!;
      index = parent;
    }
    tasks[index] = task;
    return task;
  }

  function takeFirst(): Task {
    const first = tasks[0]!;
    const last = tasks.pop()!;
    if (tasks.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= tasks.length) break;
      if (child + 1 < tasks.length && before(tasks[child + 1]!, tasks[child]!)) child++;
      if (!before(tasks[child]!, last)) break;
      tasks[index] = tasks[child]!;
      index = child;
    }
    tasks[index] = last;
    return first;
  }

  const clock: Clock = {
    monotonicNs: () => timeNs,
    wallNs: () => epochNs + timeNs,
    at(deadlineNs, wake) {
      const task = schedule(deadlineNs, wake);
      return () => {
        task.action = undefined;
      };
    },
    soon: (wake) => void schedule(timeNs, wake),
  };

  /** Runs tasks up to `endNs`; stops early when `done`. Returns whether it was done. */
  function advance(endNs: bigint, done: () => boolean): boolean {
    while (!done()) {
      while (tasks.length > 0 && tasks[0]!.action === undefined) takeFirst();
      if (tasks.length === 0 || tasks[0]!.atNs > endNs) {
        timeNs = endNs;
        return done();
      }
      const { atNs, action } = takeFirst();
      timeNs = atNs;
      action?.();
    }
    return true;
  }

  const afterMs = (milliseconds: number): bigint => timeNs + BigInt(Math.round(milliseconds * 1e6));

  return {
    clock,
    random,
    nowNs: () => timeNs,
    link({ mtuBytes = 1500, delayMs = 0.05 } = {}) {
      const end = (other: () => FrameDevice): FrameDevice => ({
        mtuBytes,
        transmit(frame) {
          if (frame.length > mtuBytes + ethernetHeaderBytes) return true;
          const copy = frame.slice();
          schedule(afterMs(delayMs), () => other().receive(copy));
          return true;
        },
        receive() {},
      });
      const ends: [FrameDevice, FrameDevice] = [end(() => ends[1]), end(() => ends[0])];
      return ends;
    },
    stack: (options) => loadStack({ ...options, clock, entropy: (bytes) => random.fill(bytes) }),
    run: (milliseconds) => void advance(afterMs(milliseconds), () => false),
    runUntil(done, milliseconds, what = 'the simulation') {
      if (!advance(afterMs(milliseconds), done))
        throw new Error(`${what}: not done within ${milliseconds} virtual milliseconds`);
    },
  };
}
