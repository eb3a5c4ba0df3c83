// The Date field (RFC 9110 §5.6.7, IMF-fixdate), written once a second.
// In: the turn's wall clock. Out: "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n". May import: time.
import { NS_PER_S, wallNs } from '../time/clock';

export const DATE_LINE_BYTES: u32 = 37;
const line = memory.data(40);
const DAYS = 'SunMonTueWedThuFriSat';
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec';
let lineSecond: u64 = u64.MAX_VALUE;

/** Copies the line to `out`. */
export function writeDateLine(out: usize): void {
  const second = wallNs / NS_PER_S;
  if (second != lineSecond) {
    lineSecond = second;
    compose(second);
  }
  memory.copy(out, line, DATE_LINE_BYTES);
}

function put(offset: usize, text: string, from: i32, length: i32): void {
  for (let i = 0; i < length; i++) store<u8>(line + offset + <usize>i, <u8>text.charCodeAt(from + i));
}

function put2(offset: usize, value: u32): void {
  store<u8>(line + offset, <u8>(0x30 + value / 10));
  store<u8>(line + offset + 1, <u8>(0x30 + (value % 10)));
}

/** Proleptic Gregorian calendar; years counted from March so that the leap day comes last. */
function compose(second: u64): void {
  const days = second / 86400;
  const time = <u32>(second % 86400);
  const shifted = <u32>days + 719468; // days since 0000-03-01
  const era = shifted / 146097;
  const dayOfEra = shifted % 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
  const shiftedMonth = (5 * dayOfYear + 2) / 153;
  const day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 2 : shiftedMonth - 10; // 0 is January
  const year = yearOfEra + 400 * era + (month < 2 ? 1 : 0);
  put(0, 'Date: ', 0, 6);
  put(6, DAYS, <i32>((days + 4) % 7) * 3, 3);
  put(9, ', ', 0, 2);
  put2(11, day);
  put(13, ' ', 0, 1);
  put(14, MONTHS, <i32>month * 3, 3);
  put(17, ' ', 0, 1);
  put2(18, (year / 100) % 100);
  put2(20, year % 100);
  put(22, ' ', 0, 1);
  put2(23, time / 3600);
  put(25, ':', 0, 1);
  put2(26, (time / 60) % 60);
  put(28, ':', 0, 1);
  put2(29, time % 60);
  put(31, ' GMT\r\n', 0, 6);
}
