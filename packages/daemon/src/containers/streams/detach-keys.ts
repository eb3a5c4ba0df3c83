/**
 * Detach keys: Docker's syntax (`ctrl-p,ctrl-q`, `a`, `DEL`) and the search for the sequence in what is typed.
 *
 * In: a text, chunks of input. Out: bytes; input without the sequence. May import: nothing.
 */

/** `ctrl-p,ctrl-q`: what detaches when nothing else is asked for. */
export const defaultDetachKeys: Uint8Array = Uint8Array.of(16, 17);

/** Keys typed with ctrl, in the order of their codes 0 to 31. */
const controlKeys = '@abcdefghijklmnopqrstuvwxyz[\\]^_';
const deleteCode = 127;

function keyCode(key: string): number | undefined {
  if (Buffer.byteLength(key) === 1) return key.charCodeAt(0);
  if (key === 'DEL') return deleteCode;
  if (key.length !== 'ctrl-x'.length || !key.startsWith('ctrl-')) return undefined;
  const code = controlKeys.indexOf(key.at(-1)!);
  return code < 0 ? undefined : code;
}

/** The sequence's bytes, or undefined when a key is unknown. */
export function parseDetachKeys(text: string): Uint8Array | undefined {
  const codes = text.split(',').map(keyCode);
  return codes.some((code) => code === undefined) ? undefined : Uint8Array.from(codes as number[]);
}

export interface DetachScan {
  /** Input to pass on; keys that may be the beginning of the sequence are held back. */
  pass: Buffer;
  detached: boolean;
}

/** For each length of a matched prefix: the longest shorter prefix that also ends there (Knuth, Morris, Pratt). */
function borders(keys: Uint8Array): number[] {
  const table = [0, 0];
  for (let length = 2; length <= keys.length; length++) {
    let border = table[length - 1]!;
    while (border > 0 && keys[border] !== keys[length - 1]) border = table[border]!;
    table.push(keys[border] === keys[length - 1] ? border + 1 : 0);
  }
  return table;
}

/** A scanner that keeps the position within the sequence between chunks. */
export function createDetachScanner(keys: Uint8Array): (chunk: Buffer) => DetachScan {
  const table = borders(keys);
  let held = 0;
  return (chunk) => {
    if (keys.length === 0) return { pass: chunk, detached: false };
    // The common case: nothing held, no first key in the chunk, nothing to copy.
    if (held === 0 && chunk.indexOf(keys[0]!) < 0) return { pass: chunk, detached: false };
    const bytes = held === 0 ? chunk : Buffer.concat([keys.subarray(0, held), chunk]);
    let position = held;
    for (let at = held; at < bytes.length; at++) {
      while (position > 0 && bytes[at] !== keys[position]) position = table[position]!;
      if (bytes[at] === keys[position]) position++;
      if (position === keys.length) {
        held = 0;
        return { pass: bytes.subarray(0, at + 1 - keys.length), detached: true };
      }
    }
    held = position;
    return { pass: bytes.subarray(0, bytes.length - held), detached: false };
  };
}
