/**
 * `GET /events`: what happened and what happens, one JSON object after the other.
 *
 * In: since, until, filters. Out: a stream. May import: events, http.
 */
import { addAbortListener } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DaemonError } from '../../errors.js';
import type { EventBus } from '../../events/bus.js';
import { parseTimestamp, selectEvents } from '../../events/select.js';
import type { DaemonEvent } from '../../events/types.js';
import type { Call, Route } from '../../http/route.js';

/** setTimeout's longest wait. */
const longestTimerMs = 2 ** 31 - 1;

/** One event as dockerd writes it; `status`, `id`, `from` are of API 1.21 and still read by clients. */
export function encodeEvent(event: DaemonEvent): string {
  const { Type, Action, Actor, scope, time, timeNano } = event;
  const legacy =
    Type === 'container'
      ? { status: Action, id: Actor.ID, ...(Actor.Attributes.image ? { from: Actor.Attributes.image } : {}) }
      : Type === 'image'
        ? { status: Action, id: Actor.ID }
        : {};
  const known = JSON.stringify({ ...legacy, Type, Action, Actor, scope, time });
  // Nanoseconds are beyond a JavaScript number: written as digits.
  return `${known.slice(0, -1)},"timeNano":${timeNano}}\n`;
}

export function eventRoutes({ events }: { events: EventBus }): Route[] {
  async function stream(call: Call): Promise<void> {
    const now = BigInt(Date.now()) * 1_000_000n;
    const time = (name: string): bigint | undefined => {
      const text = call.query.get(name);
      return text === null || text === '' || text === '0' ? undefined : parseTimestamp(text, now);
    };
    const [since, until] = [time('since'), time('until')];
    if (since !== undefined && until !== undefined && until < since)
      throw new DaemonError(
        'invalid',
        `\`since\` time (${call.query.get('since')}) cannot be after \`until\` time (${call.query.get('until')})`,
      );
    const wanted = selectEvents(call.filters());
    const selects = (event: DaemonEvent): boolean =>
      event.timeNano >= (since ?? 0n) && (until === undefined || event.timeNano <= until) && wanted(event);
    const output = call.stream(200, 'application/json');
    const past = since === undefined && until === undefined ? [] : events.recent().filter(selects);
    for (const event of past) output.write(encodeEvent(event));
    if (until === undefined || until > now) {
      const stop = events.subscribe((event) => {
        if (selects(event)) output.write(encodeEvent(event));
      });
      const wait = until === undefined ? undefined : Number((until - now) / 1_000_000n);
      const gone = new Promise<void>((resolve) => {
        addAbortListener(call.signal, () => resolve());
      });
      if (wait === undefined) await gone;
      else
        await sleep(Math.min(wait, longestTimerMs), undefined, { signal: call.signal, ref: false }).catch(
          () => {},
        );
      stop();
    }
    output.end();
  }

  return [{ method: 'GET', path: '/events', handler: stream }];
}
