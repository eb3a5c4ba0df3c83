/**
 * `console.table`: rows of an array or object as a table.
 *
 * In: a value. Out: text with box-drawing lines as Node's, or undefined when the value has no rows. Imports inspect.
 */
import { inspect } from './inspect.js';

function centred(text: string, width: number): string {
  const left = Math.floor((width - text.length) / 2);
  return ' '.repeat(left) + text + ' '.repeat(width - text.length - left);
}

/** Text of the table, without a final newline. */
export function table(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const columns = ['(index)'];
  const rows: string[][] = [];
  let plainValues = false;
  for (const [index, item] of Object.entries(value)) {
    const row: string[] = [index];
    if (typeof item === 'object' && item !== null)
      for (const [name, cell] of Object.entries(item)) {
        let column = columns.indexOf(name, 1);
        if (column < 0) column = columns.push(name) - 1;
        row[column] = inspect(cell, 0);
      }
    else {
      plainValues = true;
      row[-1] = inspect(item);
    }
    rows.push(row);
  }
  if (plainValues) {
    const last = columns.push('Values') - 1;
    for (const row of rows) row[last] = row[-1] ?? '';
  }
  const widths = columns.map(
    (name, column) => Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)) + 2,
  );
  const line = (left: string, between: string, right: string) =>
    left + widths.map((width) => '─'.repeat(width)).join(between) + right;
  const text = (cells: string[]) =>
    `│${widths.map((width, column) => centred(cells[column] ?? '', width)).join('│')}│`;
  return [
    line('┌', '┬', '┐'),
    text(columns),
    line('├', '┼', '┤'),
    ...rows.map(text),
    line('└', '┴', '┘'),
  ].join('\n');
}
