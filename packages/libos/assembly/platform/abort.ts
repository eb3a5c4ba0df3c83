// What a failed assertion or a bounds error becomes: a panic with its place. May import: nothing above platform/.
import { panic } from '../../../abi/generated/platform.as';

const TEXT_BYTES: u32 = 256;
const text: usize = memory.data(256);
let used: u32 = 0;

function putText(value: string | null): void {
  if (value === null) return;
  for (let i = 0; i < value.length && used < TEXT_BYTES; i++)
    store<u8>(text + used++, <u8>value.charCodeAt(i));
}

function putNumber(value: u32): void {
  let divisor: u32 = 1;
  while (value / divisor >= 10) divisor *= 10;
  for (; divisor > 0 && used < TEXT_BYTES; divisor /= 10)
    store<u8>(text + used++, <u8>(48 + ((value / divisor) % 10)));
}

/** Called by compiled code; does not return. */
export function abort(message: string | null, fileName: string | null, line: u32, column: u32): void {
  used = 0;
  putText('libos: ');
  putText(message);
  putText(' at ');
  putText(fileName);
  putText(':');
  putNumber(line);
  putText(':');
  putNumber(column);
  panic(text, used);
  unreachable();
}
