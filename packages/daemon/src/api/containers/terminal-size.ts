/** `h` and `w` of the resize endpoints. May import: http, errors. */
import { DaemonError } from '../../errors.js';
import type { Call } from '../../http/route.js';

const largestUint32 = 2 ** 32 - 1;

function dimension(call: Call, name: string, what: string): number {
  const text = call.query.get(name) ?? '';
  const refuse = (why: string) =>
    new DaemonError('invalid', `invalid resize ${what} ${JSON.stringify(text)}: ${why}`);
  if (!/^\d+$/.test(text)) throw refuse('invalid syntax');
  if (Number(text) > largestUint32) throw refuse('value out of range');
  return Number(text);
}

export const terminalSize = (call: Call): { rows: number; columns: number } => ({
  rows: dimension(call, 'h', 'height'),
  columns: dimension(call, 'w', 'width'),
});
