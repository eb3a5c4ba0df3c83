/** IPv4 addresses as text: dotted decimal, four parts, no leading zeros or other forms. May import: nothing. */

/** Result of `parseIpv4` for text that is no address. */
export const NOT_AN_ADDRESS: i64 = -1;

/** The address written at `text` (ASCII), host order; NOT_AN_ADDRESS for anything but four decimal parts. */
export function parseIpv4(text: usize, length: u32): i64 {
  let address: u32 = 0;
  let part: u32 = 0;
  let digits: u32 = 0;
  let parts: u32 = 0;
  for (let i: u32 = 0; i <= length; i++) {
    const character: u32 = i < length ? <u32>load<u8>(text + <usize>i) : 0x2e;
    if (character == 0x2e) {
      if (digits == 0 || ++parts > 4) return NOT_AN_ADDRESS;
      address = (address << 8) | part;
      part = 0;
      digits = 0;
      continue;
    }
    if (character < 0x30 || character > 0x39 || (digits > 0 && part == 0)) return NOT_AN_ADDRESS;
    part = part * 10 + (character - 0x30);
    digits++;
    if (part > 255) return NOT_AN_ADDRESS;
  }
  return parts == 4 ? <i64>address : NOT_AN_ADDRESS;
}
