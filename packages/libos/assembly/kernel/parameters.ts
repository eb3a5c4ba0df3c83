// Start parameters: `key=value` lines of the platform. In: the platform's text. Out: values by key.
// May import: platform/.
import { parametersRead } from '../platform/index';

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

/** Finds the last line whose key is `key` (later ones override): sets `valueAddress` and `valueLength`. */
export function findParameter(key: string): bool {
  const keyLength = <u32>key.length;
  let found = false;
  const end = parametersAddress + parametersLength;
  for (let line = parametersAddress; line < end; ) {
    let lineEnd = line;
    while (lineEnd < end && load<u8>(lineEnd) != 10) lineEnd++;
    if (lineEnd - line > keyLength && load<u8>(line + keyLength) == 0x3d && startsWith(line, key)) {
      valueAddress = line + keyLength + 1;
      valueLength = <u32>(lineEnd - valueAddress);
      found = true;
    }
    line = lineEnd + 1;
  }
  return found;
}

function startsWith(address: usize, key: string): bool {
  for (let i = 0; i < key.length; i++) if (load<u8>(address + i) != <u8>key.charCodeAt(i)) return false;
  return true;
}

/** The found value as a decimal number, saturated to u32; 0 when it is not one. */
export function valueAsU32(): u32 {
  let number: u64 = 0;
  for (let i: u32 = 0; i < valueLength; i++) {
    const digit = <u32>load<u8>(valueAddress + i) - 48;
    if (digit > 9) return 0;
    number = min<u64>(number * 10 + digit, <u64>u32.MAX_VALUE);
  }
  return <u32>number;
}
