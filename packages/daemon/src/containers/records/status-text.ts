/**
 * Docker's words for states and durations (`docker ps`).
 *
 * In: a state, now. Out: texts. May import: container types.
 */

import type { ContainerState } from '../types.js';
import { neverTime } from './records.js';

const minuteS = 60;
const hourMinutes = 60;
const dayHours = 24;
const weekHours = 7 * dayHours;
const monthHours = 30 * dayHours;
const yearHours = 365 * dayHours;

/** go-units HumanDuration. */
export function humanDuration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < minuteS) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / minuteS);
  if (minutes === 1) return 'About a minute';
  if (minutes < hourMinutes) return `${minutes} minutes`;
  const hours = Math.floor(seconds / 3600 + 0.5);
  if (hours === 1) return 'About an hour';
  if (hours < 2 * dayHours) return `${hours} hours`;
  if (hours < 2 * weekHours) return `${Math.floor(hours / dayHours)} days`;
  if (hours < 2 * monthHours) return `${Math.floor(hours / weekHours)} weeks`;
  if (hours < 2 * yearHours) return `${Math.floor(hours / monthHours)} months`;
  return `${Math.floor(hours / yearHours)} years`;
}

/** The STATUS column (moby, container/state.go `String`). */
export function statusText(state: ContainerState, nowMs: number): string {
  const since = (time: string) => humanDuration(Math.max(0, nowMs - Date.parse(time)));
  switch (state.status) {
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case 'running': {
      const health = state.health?.Status;
      const suffix =
        health === undefined ? '' : health === 'starting' ? ' (health: starting)' : ` (${health})`;
      return `Up ${since(state.startedAt)}${suffix}`;
    }
    case 'removing':
      return 'Removal In Progress';
    case 'dead':
      return 'Dead';
    default:
      if (state.startedAt === neverTime) return 'Created';
      return state.finishedAt === neverTime
        ? ''
        : `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}
