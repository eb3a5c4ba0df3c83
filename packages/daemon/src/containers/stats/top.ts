/**
 * `docker top`: the host's ps, limited to the processes of a container.
 *
 * In: ps arguments, processes. Out: API: ContainerTop. May import: errors, linux/run.
 */
import { DaemonError } from '../../errors.js';
import { CommandError, run } from '../../linux/run.js';

export interface Processes {
  Titles: string[];
  Processes: string[][];
}

/** Go's strings.Fields over ASCII only (moby daemon/top_unix.go: fieldsASCII). */
const fields = (line: string): string[] => line.split(/[\t\n\f\r ]+/).filter((field) => field !== '');

/** Renaming the PID column would make processes impossible to tell apart. */
export function checkPsArguments(text: string): void {
  for (const match of text.matchAll(/\s+([^\s]*)=\s*(PID[^\s]*)/g))
    if (match[1] !== 'pid')
      throw new DaemonError('system', `specifying "${match[1]}=${match[2]}" is not allowed`);
}

/** Rows of `processes`; lines with `-` for a PID are threads of the row before. */
export function parsePs(output: string, processes: ReadonlySet<number>): Processes {
  const [head = '', ...lines] = output.split('\n');
  const titles = fields(head);
  const column = titles.indexOf('PID');
  if (column < 0) throw new DaemonError('system', "Couldn't find PID field in ps output");
  const rows: string[][] = [];
  let contained = false;
  for (const line of lines) {
    const cells = fields(line);
    if (cells.length === 0) continue;
    const cell = cells[column] ?? '';
    if (cell !== '-') {
      if (!/^\d+$/.test(cell)) throw new DaemonError('system', `Unexpected pid '${cell}': invalid syntax`);
      contained = processes.has(Number(cell));
    }
    // The last column is a command with its arguments.
    if (contained)
      rows.push([...cells.slice(0, titles.length - 1), cells.slice(titles.length - 1).join(' ')]);
  }
  return { Titles: titles, Processes: rows };
}

/** Runs ps with `text` (default `-ef`) and keeps the container's rows. */
export async function listProcesses(text: string, processes: readonly number[]): Promise<Processes> {
  checkPsArguments(text);
  const psArguments = (text || '-ef').split(' ').filter((argument) => argument !== '');
  const ps = (more: string[]) => run(['ps', ...psArguments, ...more]);
  let output: string;
  try {
    // Some arguments (`f`) exclude -q.
    output = await ps([`-q${processes.join(',')}`]).catch(() => ps([]));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new DaemonError('system', `ps: ${error.stderr.split('\n', 1)[0] || `exit status ${error.status}`}`);
  }
  return parsePs(output, new Set(processes));
}
