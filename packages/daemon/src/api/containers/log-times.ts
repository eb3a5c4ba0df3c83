/**
 * `since` and `until` of logs: Unix seconds with a fraction, as the command line sends them.
 *
 * May import: errors, containers (log times).
 */
import type { LogTime } from '../../containers/logs/entry.js';
import { DaemonError } from '../../errors.js';

/** undefined for absent and empty ones. Throws Docker's text for anything but a number. */
export function parseLogTime(text: string | null): LogTime | undefined {
  if (text === null || text === '') return undefined;
  const match = /^([+-]?\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null)
    throw new DaemonError('invalid', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return { seconds: Number(match[1]), nanos: Number((match[2] ?? '').padEnd(9, '0').slice(0, 9)) };
}
