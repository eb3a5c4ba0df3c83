/**
 * `performance.now` and `timeOrigin` (High Resolution Time): the turn's clock, which stands still within a turn.
 *
 * In: the host's clocks. Out: the global. Imports core/host. The engine's own would count from the image's build.
 */
import { host } from '../core/host.js';

export const performance = {
  now(): number {
    return host.monotonicMs();
  },
  get timeOrigin(): number {
    return host.wallMs() - host.monotonicMs();
  },
  toJSON(): { timeOrigin: number } {
    return { timeOrigin: performance.timeOrigin };
  },
};
