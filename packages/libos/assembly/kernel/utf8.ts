// UTF-8 well-formedness (Unicode 15 table 3-7) and repair with U+FFFD by maximal subparts, as the Encoding Standard
// decodes. In: bytes. Out: lengths, repaired bytes. May import: nothing.

/** Length of the well-formed sequence at `address`, or 0. */
function sequenceLength(address: usize, available: u32): u32 {
  const lead = load<u8>(address);
  if (lead < 0x80) return 1;
  const needed = neededBytes(lead);
  if (needed == 0 || goodPrefix(address, available, needed) < needed) return 0;
  return needed;
}

/** Bytes of the sequence that `lead` begins; 0 when it begins none. */
function neededBytes(lead: u32): u32 {
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/** How many of the bytes at `address` can begin a sequence of `needed`: the maximal subpart. */
function goodPrefix(address: usize, available: u32, needed: u32): u32 {
  const lead = load<u8>(address);
  let lower: u32 = 0x80;
  let upper: u32 = 0xbf;
  if (lead == 0xe0) lower = 0xa0;
  else if (lead == 0xed) upper = 0x9f;
  else if (lead == 0xf0) lower = 0x90;
  else if (lead == 0xf4) upper = 0x8f;
  let count: u32 = 1;
  while (count < needed && count < available) {
    const byte = load<u8>(address + count);
    if (byte < lower || byte > upper) break;
    lower = 0x80;
    upper = 0xbf;
    count++;
  }
  return count;
}

/** Bytes from the start that are well-formed. */
export function validLength(address: usize, length: u32): u32 {
  let i: u32 = 0;
  while (i < length) {
    // Eight ASCII bytes at a time: most text is.
    while (i + 8 <= length && (load<u64>(address + i) & 0x8080808080808080) == 0) i += 8;
    if (i >= length) break;
    const step = sequenceLength(address + i, length - i);
    if (step == 0) return i;
    i += step;
  }
  return length;
}

/** Copies with every maximal malformed subpart as U+FFFD; `target` holds three times `length`. Returns its length. */
export function replaceMalformed(address: usize, length: u32, target: usize): u32 {
  let used: u32 = 0;
  for (let i: u32 = 0; i < length; ) {
    const step = sequenceLength(address + i, length - i);
    if (step > 0) {
      memory.copy(target + used, address + i, step);
      used += step;
      i += step;
      continue;
    }
    store<u8>(target + used, 0xef);
    store<u8>(target + used + 1, 0xbf);
    store<u8>(target + used + 2, 0xbd);
    used += 3;
    const needed = neededBytes(load<u8>(address + i));
    i += needed == 0 ? 1 : goodPrefix(address + i, length - i, needed);
  }
  return used;
}

/** Overwrites encoded surrogates (ED A0 80 … ED BF BF) by U+FFFD, in place. */
export function replaceSurrogates(address: usize, length: u32): void {
  for (let i: u32 = 0; i + 2 < length; i++) {
    while (i + 8 <= length && (load<u64>(address + i) & 0x8080808080808080) == 0) i += 8;
    if (i + 2 >= length) return;
    if (load<u8>(address + i) != 0xed || load<u8>(address + i + 1) < 0xa0) continue;
    store<u8>(address + i, 0xef);
    store<u8>(address + i + 1, 0xbf);
    store<u8>(address + i + 2, 0xbd);
  }
}
