/**
 * What happened, to whoever listens; the last ones are remembered.
 *
 * In: publish. Out: events in order. May import: types.
 */
import type { DaemonEvent, EventSink } from './types.js';

/** moby/daemon/events: eventsLimit. */
export const rememberedEvents = 256;

export interface EventBus extends EventSink {
  /** The last 256, oldest first. */
  recent(): readonly DaemonEvent[];
  /** Calls `listener` for each event from now on; returns how to stop. */
  subscribe(listener: (event: DaemonEvent) => void): () => void;
  /** For metrics. */
  counts(): { published: number; subscribers: number };
}

/** `nowNs`: Unix nanoseconds, never the same twice. */
export function createEventBus(nowNs: () => bigint = wallClock()): EventBus {
  const memory: DaemonEvent[] = [];
  const listeners = new Set<(event: DaemonEvent) => void>();
  let published = 0;
  return {
    publish(type, action, actor) {
      const timeNano = nowNs();
      const event: DaemonEvent = {
        Type: type,
        Action: action,
        Actor: actor,
        scope: 'local',
        time: Number(timeNano / 1_000_000_000n),
        timeNano,
      };
      published++;
      memory.push(event);
      if (memory.length > rememberedEvents) memory.shift();
      for (const listener of listeners) listener(event);
    },
    recent: () => memory,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    counts: () => ({ published, subscribers: listeners.size }),
  };
}

/** The wall clock in nanoseconds: milliseconds from Date, the rest from the monotonic clock. */
function wallClock(): () => bigint {
  let last = 0n;
  return () => {
    const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    last = now > last ? now : last + 1n;
    return last;
  };
}
