/**
 * How far something is, drawn as dockerd draws it for clients that show the text (moby, JSONProgress.String).
 *
 * In: bytes done and to do. Out: `[=====>   ]  1.5MB/3MB`. May import: nothing.
 */

const barWidth = 50;
const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** Four digits at most, decimal units (go-units' HumanSize). */
export function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  for (; size >= 1000 && unit < units.length - 1; unit++) size /= 1000;
  return `${Number(size.toPrecision(4))}${units[unit]}`;
}

/** Undefined when there is nothing to tell yet. */
export function progressText(current: number, total: number): string | undefined {
  if (current <= 0 && total <= 0) return undefined;
  const size = humanSize(current).padStart(8);
  if (total <= 0) return size;
  const done = Math.min(barWidth, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = `[${'='.repeat(done)}>${' '.repeat(barWidth - done)}] `;
  // More than all: the total was wrong.
  return current > total ? `${bar}${size}` : `${bar}${size}/${humanSize(total)}`;
}
