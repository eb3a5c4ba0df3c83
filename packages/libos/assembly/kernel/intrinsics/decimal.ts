// Lists of numbers as text. In: numbers. Out: decimal digits. May import: nothing.

/** Writes `value` and a comma at `at` (at most eleven bytes); returns where it ended. */
export function putDecimal(at: usize, value: u32): usize {
  let digits: usize = 1;
  for (let rest = value / 10; rest > 0; rest /= 10) digits++;
  for (let i = digits; i > 0; i--, value /= 10) store<u8>(at + i - 1, <u8>(48 + (value % 10)));
  store<u8>(at + digits, 0x2c);
  return at + digits + 1;
}
