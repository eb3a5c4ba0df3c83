// Start parameters: `key=value` lines of the platform. In: the platform's text. Out: values by key.
// May import: platform/.
import { consoleWrite, parametersRead } from '../platform/index';

export let parametersAddress: usize = 0;
export let parametersLength: u32 = 0;

/** The value that `findParameter` found: bytes between `=` and the line's end, still %-encoded. */
export let valueAddress: usize = 0;
export let valueLength: u32 = 0;

/** Reads the parameters: once, in `start`. */
export function readParameters(): void {
  parametersLength = parametersRead(0, 0);
  parametersAddress = heap.alloc(max<u32>(parametersLength, 1));
  parametersRead(parametersAddress, parametersLength);
}

/** Key of the last search: what `parameterError` names. */
const KEY_BYTES: u32 = 64;
const key: usize = memory.data(64);
let keyLength: u32 = 0;

function spell(text: string): void {
  for (let i = 0; i < text.length; i++) store<u8>(key + keyLength++, <u8>text.charCodeAt(i));
}

/** Finds the last line whose key is `name` (later ones override): sets `valueAddress` and `valueLength`. */
export function findParameter(name: string): bool {
  keyLength = 0;
  spell(name);
  return findKey();
}

/** Finds `net.<index>.<name>`. */
export function findInterfaceParameter(index: u32, name: string): bool {
  keyLength = 0;
  spell('net.0.');
  store<u8>(key + 4, <u8>(48 + index));
  spell(name);
  return findKey();
}

/** The key that `nextParameter` found, after the prefix. */
export let keyAddress: usize = 0;
export let keyRestLength: u32 = 0;

/**
 * Finds the next line whose key begins with `prefix`; 0 begins. Sets `keyAddress`, `keyRestLength`, `valueAddress` and
 * `valueLength`; returns where to continue, 0 when there is none. Later lines override: they come later.
 */
export function nextParameter(prefix: string, from: usize): usize {
  const end = parametersAddress + parametersLength;
  for (let line = max(from, parametersAddress); line < end; ) {
    let lineEnd = line;
    let equals: usize = 0;
    for (; lineEnd < end && load<u8>(lineEnd) != 10; lineEnd++)
      if (equals == 0 && load<u8>(lineEnd) == 0x3d) equals = lineEnd;
    if (equals != 0 && begins(line, equals, prefix)) {
      keyAddress = line + <usize>prefix.length;
      keyRestLength = <u32>(equals - keyAddress);
      valueAddress = equals + 1;
      valueLength = <u32>(lineEnd - valueAddress);
      keyLength = 0;
      for (let at = line; at < equals && keyLength < KEY_BYTES; at++)
        store<u8>(key + keyLength++, load<u8>(at));
      return lineEnd + 1;
    }
    line = lineEnd + 1;
  }
  return 0;
}

function begins(start: usize, end: usize, prefix: string): bool {
  if (end - start < <usize>prefix.length) return false;
  for (let i = 0; i < prefix.length; i++)
    if (<u32>load<u8>(start + <usize>i) != <u32>prefix.charCodeAt(i)) return false;
  return true;
}

function findKey(): bool {
  let found = false;
  const end = parametersAddress + parametersLength;
  for (let line = parametersAddress; line < end; ) {
    let lineEnd = line;
    while (lineEnd < end && load<u8>(lineEnd) != 10) lineEnd++;
    const rest = lineEnd - line;
    if (rest > keyLength && load<u8>(line + keyLength) == 0x3d && memory.compare(line, key, keyLength) == 0) {
      valueAddress = line + keyLength + 1;
      valueLength = <u32>(lineEnd - valueAddress);
      found = true;
    }
    line = lineEnd + 1;
  }
  return found;
}

/** Says on the console that the found value is not `wanted` (a short ASCII text); returns false. */
export function parameterError(wanted: string): bool {
  const line = heap.alloc(keyLength + valueLength + 128);
  let used: usize = 0;
  used = append(line, used, 'parameter ');
  memory.copy(line + used, key, keyLength);
  used = append(line, used + keyLength, '=');
  memory.copy(line + used, valueAddress, valueLength);
  used = append(line, used + valueLength, ': must be ');
  used = append(line, append(line, used, wanted), '\n');
  consoleWrite(2, line, <u32>used);
  heap.free(line);
  return false;
}

function append(line: usize, used: usize, text: string): usize {
  for (let i = 0; i < text.length; i++) store<u8>(line + used++, <u8>text.charCodeAt(i));
  return used;
}

/** Result of `valueAsU64` for text that is not a number. */
export const NOT_A_NUMBER: u64 = u64.MAX_VALUE;

/** The found value as a decimal number, saturated below 2^64 - 1; NOT_A_NUMBER when it is not one. */
export function valueAsU64(): u64 {
  if (valueLength == 0) return NOT_A_NUMBER;
  let number: u64 = 0;
  for (let i: u32 = 0; i < valueLength; i++) {
    const digit = <u64>load<u8>(valueAddress + i) - 48;
    if (digit > 9) return NOT_A_NUMBER;
    number = number > (NOT_A_NUMBER - 10) / 10 ? NOT_A_NUMBER - 1 : number * 10 + digit;
  }
  return number;
}

/** The found value as a decimal number, saturated to u32; 0 when it is not one. */
export function valueAsU32(): u32 {
  const number = valueAsU64();
  return number == NOT_A_NUMBER ? 0 : <u32>min<u64>(number, <u64>u32.MAX_VALUE);
}
