/**
 * Signals by Docker's names. In: `SIGTERM`, `term`, `15`. Out: numbers. May import: errors.
 */
import { constants } from 'node:os';
import { DaemonError } from '../../errors.js';

const numbers = new Map(Object.entries(constants.signals).map(([name, number]) => [name.slice(3), number]));
const known = new Set(numbers.values());
/** signal(7): real-time signals start here once glibc has taken its own. */
const firstRealTime = 34;
const lastRealTime = 64;

export function signalNumber(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (known.has(number) || (number >= firstRealTime && number <= lastRealTime)) return number;
    if (number > 0) throw new DaemonError('invalid', `the linux daemon does not support signal ${number}`);
  } else {
    const name = text.toUpperCase().replace(/^SIG/, '');
    const number = numbers.get(name);
    if (number !== undefined) return number;
    const realTime = /^RTM(IN|AX)(?:([+-])(\d+))?$/.exec(name);
    if (realTime !== null) {
      const base = realTime[1] === 'IN' ? firstRealTime : lastRealTime;
      const number = base + (realTime[2] === '-' ? -1 : 1) * Number(realTime[3] ?? 0);
      if (number >= firstRealTime && number <= lastRealTime) return number;
    }
  }
  throw new DaemonError('invalid', `Invalid signal: ${text}`);
}
