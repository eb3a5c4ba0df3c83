/** Times as Docker writes them. May import: nothing. */

/** RFC 3339 with nanoseconds, of which the last six digits are those we have: `2026-01-02T03:04:05.678000000Z`. */
export const timestamp = (milliseconds = Date.now()): string => {
  const whole = Math.floor(milliseconds);
  const rest = Math.floor((milliseconds - whole) * 1e6);
  return `${new Date(whole).toISOString().slice(0, -1)}${String(rest).padStart(6, '0')}Z`;
};
