// Addresses in start parameters. In: text. Out: numbers in `parsed…`. May import: nothing.

export let parsedAddress: u32 = 0;
export let parsedPrefixLength: u32 = 0;
/** Hardware address, first byte in bits 40 to 47. */
export let parsedMac: u64 = 0;

/** Where the last number ended. */
let end: usize = 0;

/** A decimal number of at most `limit` from `at`; -1: none, or larger. */
function decimal(at: usize, stop: usize, limit: i32): i32 {
  let number: i32 = 0;
  let digits = 0;
  for (; at < stop && digits < 4; at++, digits++) {
    const digit = <i32>load<u8>(at) - 48;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
  }
  end = at;
  return digits > 0 && number <= limit ? number : -1;
}

/** "192.0.2.1", nothing after it. */
export function parseIpv4(text: usize, length: u32): bool {
  const stop = text + length;
  let address: u32 = 0;
  end = text;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (end >= stop || load<u8>(end++) != 0x2e)) return false;
    const byte = decimal(end, stop, 255);
    if (byte < 0) return false;
    address = (address << 8) | byte;
  }
  parsedAddress = address;
  return end == stop;
}

/** "192.0.2.1/24". */
export function parseIpv4Prefix(text: usize, length: u32): bool {
  const stop = text + length;
  let slash = text;
  while (slash < stop && load<u8>(slash) != 0x2f) slash++;
  if (slash == stop || !parseIpv4(text, <u32>(slash - text))) return false;
  const prefix = decimal(slash + 1, stop, 32);
  parsedPrefixLength = prefix;
  return prefix >= 0 && end == stop;
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
