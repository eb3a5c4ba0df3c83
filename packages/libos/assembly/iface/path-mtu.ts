// Path MTU cache (RFC 1191): destinations behind a smaller MTU, learnt from ICMP errors that a transport has recognised.
// TCP's errors prove themselves by a sequence number in flight, so one value serves all of TCP; a UDP error proves
// nothing but a flow that exists, so it counts for that flow alone (RFC 5927 §7).
// In: destinations, flows and MTUs. Out: MTUs. Bounded: a direct-mapped table, a collision forgets the older entry.
// May import: time.
import { nowNs } from '../time/clock';

const SLOTS: u32 = 256;
/** RFC 1191 §6.3: an entry ages after ten minutes. */
const LIFETIME_NS: u64 = 600_000_000_000;
/** RFC 791: what every host takes. Nobody has links below it, and small packets are what a forger wants; also for routers that name no MTU. */
export const PATH_MTU_LEAST_BYTES: u32 = 576;
/** The flow of everything but UDP, whose flows are both ports in one word. */
export const PATH_FLOW_COMMON: u32 = 0;

@unmanaged
class Entry {
  destination: u32;
  flow: u32;
  mtu: u32;
  expiresNs: u64;
}

const ENTRY_BYTES: usize = 24;
const table: usize = memory.data(6144, 8);
let entries: u32 = 0;

function slot(destination: u32, flow: u32): Entry {
  const hash = ((destination ^ (flow * 0x85ebca6b)) * 0x9e3779b1) >> 24;
  return changetype<Entry>(table + <usize>(hash & (SLOTS - 1)) * ENTRY_BYTES);
}

/** Smaller of `mtu` and what was learnt for the destination and flow. */
export function pathMtuLimit(destination: u32, flow: u32, mtu: u32): u32 {
  if (entries == 0) return mtu;
  const entry = slot(destination, flow);
  if (entry.destination != destination || entry.flow != flow) return mtu;
  return entry.mtu >= mtu || entry.expiresNs <= nowNs ? mtu : entry.mtu;
}

/** Learns from "fragmentation needed"; never less than PATH_MTU_LEAST_BYTES. */
export function pathMtuLearn(destination: u32, flow: u32, mtu: u32): void {
  const learnt = max(mtu, PATH_MTU_LEAST_BYTES);
  const entry = slot(destination, flow);
  if (
    entry.destination == destination &&
    entry.flow == flow &&
    entry.expiresNs > nowNs &&
    entry.mtu <= learnt
  )
    return;
  entry.destination = destination;
  entry.flow = flow;
  entry.mtu = learnt;
  entry.expiresNs = nowNs + LIFETIME_NS;
  entries = 1;
}
