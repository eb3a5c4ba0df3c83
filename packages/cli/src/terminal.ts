/**
 * What goes to the terminal: colour only where it is seen, sizes and times for people.
 *
 * In: text. Out: styled text. May import: nothing.
 */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** True when `stream` shows colours: a terminal, and NO_COLOR (no-color.org) is not set. */
export const showsColour = (stream: { isTTY?: boolean }): boolean =>
  stream.isTTY === true && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb';

/** Styles text meant for standard error. */
export const style = (format: Style, text: string): string =>
  showsColour(process.stderr) ? styleText(format, text) : text;

/** Styles text meant for standard output. */
export const styleOut = (format: Style, text: string): string =>
  showsColour(process.stdout) ? styleText(format, text) : text;

/** `1.42 MiB`, `38.1 KiB`, `212 B`. */
export function formatBytes(bytes: number): string {
  if (bytes >= 1_048_576) return `${(bytes / 1_048_576).toFixed(2)} MiB`;
  if (bytes >= 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${bytes} B`;
}

/** `12.3 ms`, `1.20 s`. */
export const formatMs = (ms: number): string =>
  ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`;

/** Lines of a table, columns aligned; `right` lists the columns that are numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = rows.reduce<number[]>(
    (all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, cell.length)),
    [],
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Progress on standard error: one line, replaced on a terminal and written once each elsewhere. */
export function progress(enabled: boolean): { step(text: string): void; done(): void } {
  const live = enabled && showsColour(process.stderr);
  return {
    step(text) {
      if (live) process.stderr.write(`\r\u001b[K${style('dim', text)}`);
    },
    done() {
      if (live) process.stderr.write('\r\u001b[K');
    },
  };
}
