// Addresses in start parameters. In: text. Out: numbers in `parsed…`. May import: wire/.
import { NOT_AN_ADDRESS, parseIpv4 } from '../wire/ipv4-text';

export let parsedAddress: u32 = 0;
export let parsedPrefixLength: u32 = 0;
/** Hardware address, first byte in bits 40 to 47. */
export let parsedMac: u64 = 0;

/** "192.0.2.1". */
export function parseAddress(text: usize, length: u32): bool {
  const address = parseIpv4(text, length);
  parsedAddress = <u32>address;
  return address != NOT_AN_ADDRESS;
}

/** "192.0.2.1/24". */
export function parsePrefix(text: usize, length: u32): bool {
  const stop = text + length;
  let at = text;
  while (at < stop && load<u8>(at) != 0x2f) at++;
  if (!parseAddress(text, <u32>(at - text)) || stop - at < 2 || stop - at > 3) return false;
  let prefix: u32 = 0;
  for (at++; at < stop; at++) {
    const digit = <u32>load<u8>(at) - 48;
    if (digit > 9) return false;
    prefix = prefix * 10 + digit;
  }
  parsedPrefixLength = prefix;
  return prefix <= 32;
}

function hexDigit(character: u32): i32 {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

/** "02:00:00:00:00:01". */
export function parseMac(text: usize, length: u32): bool {
  if (length != 17) return false;
  let mac: u64 = 0;
  for (let i = 0; i < 6; i++) {
    const at = text + i * 3;
    const high = hexDigit(load<u8>(at));
    const low = hexDigit(load<u8>(at, 1));
    if (high < 0 || low < 0 || (i < 5 && load<u8>(at, 2) != 0x3a)) return false;
    mac = (mac << 8) | ((high << 4) | low);
  }
  parsedMac = mac;
  return true;
}
