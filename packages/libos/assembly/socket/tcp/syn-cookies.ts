/**
 * SYN cookies (Bernstein 1996; RFC 4987 §3.6): the initial sequence number carries what a half-open connection would
 * remember, so that a flood costs no memory.
 *
 * In: the current segment. Out: a cookie, or what a returned cookie says. May import: platform, time, wire.
 * Layout: 5 bits of time (64 s steps), 3 bits MSS index, 24 bits keyed hash. With timestamps the low 6 bits of our
 * TSval carry SACK-permitted (bit 4), window scale (bits 0 to 3, 15: none) and bit 5 as 0.
 */
import { randomU64, sipHash24 } from '../../platform/random';
import { NS_PER_S, nowNs } from '../../time/clock';
import { addressesWord, portsWord, timestampClock } from './initial-sequence';
import { segmentDestination, segmentDestinationPort, segmentSource, segmentSourcePort } from './segment';

const STEP_NS: u64 = 64 * NS_PER_S;
/** How long after the last cookie answers are looked at: the present and the previous step. */
export const COOKIE_LIFETIME_NS: u64 = 2 * STEP_NS;

const NO_SCALE: u32 = 15;
const OPTION_MASK: u32 = 0x3f;
const SACK_BIT: u32 = 0x10;

let key0: u64 = 0;
let key1: u64 = 0;

/** What `cookieCheck` found. */
export let cookieMss: u32 = 0;

export function cookiesStart(): void {
  key0 = randomU64();
  key1 = randomU64();
}

/** Common sizes, rising: the largest not above the peer's is used. */
function mssOf(index: u32): u32 {
  switch (index) {
    case 0:
      return 216;
    case 1:
      return 536;
    case 2:
      return 1200;
    case 3:
      return 1360;
    case 4:
      return 1440;
    case 5:
      return 1460;
    case 6:
      return 4312;
    default:
      return 8960;
  }
}

function hash(peerSequence: u32, step: u32, index: u32): u32 {
  const first = addressesWord(segmentDestination, segmentSource);
  const second = portsWord(segmentDestinationPort, segmentSourcePort) | ((<u64>((step << 3) | index)) << 32);
  return <u32>sipHash24(key0 ^ <u64>peerSequence, key1, first, second) & 0xffffff;
}

/** Cookie for the current SYN. `mss`: the peer's option. */
export function cookieMake(peerSequence: u32, mss: u32): u32 {
  const step = <u32>(nowNs / STEP_NS) & 31;
  let index: u32 = 7;
  while (index > 0 && mssOf(index) > mss) index--;
  return (step << 27) | (index << 24) | hash(peerSequence, step, index);
}

/** Whether `cookie` answers a SYN with `peerSequence` of at most two steps ago; sets `cookieMss`. */
export function cookieCheck(cookie: u32, peerSequence: u32): bool {
  const step = cookie >> 27;
  const age = (<u32>(nowNs / STEP_NS) - step) & 31;
  if (age > 1) return false;
  const index = (cookie >> 24) & 7;
  if (hash(peerSequence, step, index) != (cookie & 0xffffff)) return false;
  cookieMss = mssOf(index);
  return true;
}

/** TSval that carries the peer's offers, not later than the clock. `scale` -1: none. */
export function cookieTimestamp(offset: u32, scale: i32, sack: bool): u32 {
  const clock = timestampClock() + offset;
  const value = (clock & ~OPTION_MASK) | (scale < 0 ? NO_SCALE : <u32>scale) | (sack ? SACK_BIT : 0);
  return <i32>(value - clock) > 0 ? value - (OPTION_MASK + 1) : value;
}

/** The peer's window scale in an echoed TSval; -1: none. */
export function cookieScale(echo: u32): i32 {
  const scale = echo & 15;
  return scale == NO_SCALE ? -1 : <i32>scale;
}

export function cookieSack(echo: u32): bool {
  return (echo & SACK_BIT) != 0;
}
