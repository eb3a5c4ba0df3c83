// Path MTU cache (RFC 1191): destinations behind a smaller MTU, learnt from ICMP. In: destinations and MTUs, out: MTUs.
// Bounded: a direct-mapped table, a collision forgets the older entry. May import: time.
import { nowNs } from '../time/clock';

const SLOTS: u32 = 256;
/** RFC 1191 §6.3: an entry ages after ten minutes. */
const LIFETIME_NS: u64 = 600_000_000_000;
/** RFC 791: every network carries 68; below 552 nothing sensible is meant (as Linux's min_pmtu). */
const SMALLEST_MTU_BYTES: u32 = 552;

@unmanaged
class Entry {
  destination: u32;
  mtu: u32;
  expiresNs: u64;
}

const table: usize = memory.data(4096, 8);
let entries: u32 = 0;

function slot(destination: u32): Entry {
  const hash = (destination * 0x9e3779b1) >> 24;
  return changetype<Entry>(table + <usize>(hash & (SLOTS - 1)) * 16);
}

/** Smaller of `mtu` and what was learnt for the destination. */
export function pathMtuLimit(destination: u32, mtu: u32): u32 {
  if (entries == 0) return mtu;
  const entry = slot(destination);
  if (entry.destination != destination || entry.mtu >= mtu || entry.expiresNs <= nowNs) return mtu;
  return entry.mtu;
}

/** Learns from "fragmentation needed". `mtu` 0 (an old router): 576. Returns what is used from now on. */
export function pathMtuLearn(destination: u32, mtu: u32): u32 {
  const learnt: u32 = mtu == 0 ? 576 : max<u32>(mtu, SMALLEST_MTU_BYTES);
  const entry = slot(destination);
  if (entry.destination == destination && entry.expiresNs > nowNs && entry.mtu <= learnt) return entry.mtu;
  entry.destination = destination;
  entry.mtu = learnt;
  entry.expiresNs = nowNs + LIFETIME_NS;
  entries = 1;
  return learnt;
}
