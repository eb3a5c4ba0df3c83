// Reassembly of IPv4 fragments (RFC 791 §3.2, RFC 815 in spirit) with strict bounds: a fixed number of datagrams at a
// time, a lifetime, and overlapping fragments drop the whole datagram (as RFC 5722 does for IPv6); one that only repeats
// what is there is ignored.
// In: fragments. Out: the whole packet. May import: storage, time, wire.
import { arenaAllocate } from '../storage/arena';
import { nowNs } from '../time/clock';
import { TIMER_FRAGMENT, Timer, timerRuns, timerStart } from '../time/timers';
import {
  FLAG_MORE_FRAGMENTS,
  IPV4_HEADER_BYTES,
  IPV4_LARGEST_BYTES,
  ipv4Destination,
  ipv4FlagsAndOffset,
  ipv4HeaderBytes,
  ipv4Identification,
  ipv4Protocol,
  ipv4Source,
  ipv4TotalLength,
} from '../wire/ipv4';
import { icmpSendReassemblyTimeout } from './icmp';

/** Datagrams being put together at once; the memory is taken at the first fragment. */
const SLOT_LIMIT: u32 = 32;
/** Of these, from one source: a single sender cannot keep all. */
const SLOTS_PER_SOURCE: u32 = 8;
/** RFC 1122 §3.3.2 wants 60 to 120 s; Linux keeps 30 s, and less is safer. */
const LIFETIME_NS: u64 = 30_000_000_000;
/** The header moves in front of the data: the largest header is 60 bytes. */
const HEADER_ROOM_BYTES: u32 = 64;
/** Payload of at most 65,535 - 20 bytes in units of eight, one bit each. */
const BITMAP_BYTES: u32 = 1024;

@unmanaged
class Slot {
  source: u32;
  destination: u32;
  identification: u32;
  protocol: u32;
  inUse: bool;
  /** The first fragment was there: its header stands in front of the data. */
  hasFirst: bool;
  headerBytes: u32;
  /** Payload bytes received. */
  received: u32;
  /** Payload bytes in all; 0 until the last fragment has come. */
  total: u32;
  /** End of the furthest fragment. */
  furthest: u32;
  /** Payload of the first fragment, for the timeout message. */
  firstBytes: u32;
  deadlineNs: u64;
  /** Rises from datagram to datagram: many come at one time. */
  order: u64;
  bitmap: usize;
  buffer: usize;
}

const SLOT_BYTES: usize = (offsetof<Slot>() + 7) & ~7;
let slots: usize = 0;
let datagrams: u64 = 0;

/** What `fragmentAdd` completed; valid until the next fragment. */
export let reassembledPacket: usize = 0;
export let reassembledLength: u32 = 0;
/** Runs until the oldest datagram's time is over; when it expires the kernel calls `fragmentsTick`. */
const timer = changetype<Timer>(memory.data(32, 8));
timer.kind = TIMER_FRAGMENT;

function at(index: u32): Slot {
  return changetype<Slot>(slots + <usize>index * SLOT_BYTES);
}

function prepare(): void {
  slots = arenaAllocate(<usize>SLOT_LIMIT * SLOT_BYTES);
  for (let i: u32 = 0; i < SLOT_LIMIT; i++) {
    at(i).bitmap = arenaAllocate(BITMAP_BYTES);
    at(i).buffer = arenaAllocate(HEADER_ROOM_BYTES + IPV4_LARGEST_BYTES + 1);
  }
}

/** Datagrams being put together. */
export function fragmentsPending(): u32 {
  let pending: u32 = 0;
  if (slots == 0) return 0;
  for (let i: u32 = 0; i < SLOT_LIMIT; i++) if (at(i).inUse) pending++;
  return pending;
}

/** The oldest datagram of the source that has most; all slots are in use. */
function crowdedOut(): usize {
  let victim: usize = 0;
  let most: u32 = 0;
  for (let i: u32 = 0; i < SLOT_LIMIT; i++) {
    let owned: u32 = 0;
    for (let j: u32 = 0; j < SLOT_LIMIT; j++) if (at(j).source == at(i).source) owned++;
    if (owned < most || (owned == most && at(i).order > changetype<Slot>(victim).order)) continue;
    victim = changetype<usize>(at(i));
    most = owned;
  }
  return victim;
}

function slotFor(packet: usize): usize {
  const source = ipv4Source(packet);
  const destination = ipv4Destination(packet);
  const identification = ipv4Identification(packet);
  const protocol = ipv4Protocol(packet);
  let free: usize = 0;
  let oldest: usize = 0;
  let fromSource: u32 = 0;
  for (let i: u32 = 0; i < SLOT_LIMIT; i++) {
    const slot = at(i);
    if (!slot.inUse) {
      free = changetype<usize>(slot);
      continue;
    }
    if (slot.source == source) {
      if (
        slot.identification == identification &&
        slot.destination == destination &&
        slot.protocol == protocol
      )
        return changetype<usize>(slot);
      fromSource++;
      if (oldest == 0 || slot.order < changetype<Slot>(oldest).order) oldest = changetype<usize>(slot);
    }
  }
  // Over its share, a source replaces its own oldest datagram; else the oldest of the source that has most goes.
  if (fromSource >= SLOTS_PER_SOURCE) free = oldest;
  if (free == 0) free = crowdedOut();
  const slot = changetype<Slot>(free);
  slot.source = source;
  slot.destination = destination;
  slot.identification = identification;
  slot.protocol = protocol;
  slot.inUse = true;
  slot.hasFirst = false;
  slot.headerBytes = IPV4_HEADER_BYTES;
  slot.received = 0;
  slot.total = 0;
  slot.furthest = 0;
  slot.firstBytes = 0;
  slot.deadlineNs = nowNs + LIFETIME_NS;
  slot.order = ++datagrams;
  memory.fill(slot.bitmap, 0, BITMAP_BYTES);
  if (!timerRuns(timer)) timerStart(timer, slot.deadlineNs);
  return free;
}

/** Marks units [from, to); false when one was there already. */
function mark(bitmap: usize, from: u32, to: u32): bool {
  for (let unit = from; unit < to; unit++) {
    const byte = bitmap + <usize>(unit >> 3);
    const bit: u8 = 1 << (<u8>(unit & 7));
    if ((load<u8>(byte) & bit) != 0) return false;
    store<u8>(byte, load<u8>(byte) | bit);
  }
  return true;
}

/** Whether all of a fragment is there already, byte for byte: networks duplicate packets. */
function repeats(slot: Slot, data: usize, offset: u32, bytes: u32): bool {
  for (let unit = offset >> 3; unit < (offset + bytes + 7) >> 3; unit++)
    if ((load<u8>(slot.bitmap + <usize>(unit >> 3)) & (1 << (<u8>(unit & 7)))) == 0) return false;
  return memory.compare(slot.buffer + <usize>(HEADER_ROOM_BYTES + offset), data, bytes) == 0;
}

/** Adds a fragment (a checked IPv4 packet). True: the datagram is whole, see `reassembled…`. */
export function fragmentAdd(packet: usize): bool {
  if (slots == 0) prepare();
  const header = ipv4HeaderBytes(packet);
  const bytes = ipv4TotalLength(packet) - header;
  const field = ipv4FlagsAndOffset(packet);
  const more = (field & FLAG_MORE_FRAGMENTS) != 0;
  const offset = (field & 0x1fff) << 3;
  const end = offset + bytes;
  if (bytes == 0 || end > IPV4_LARGEST_BYTES - header || (more && (bytes & 7) != 0)) return false;
  const slot = changetype<Slot>(slotFor(packet));
  // An end that does not fit the rest, or an overlap: the datagram is not to be trusted.
  const contradicts =
    slot.total != 0 ? end > slot.total || more == (end == slot.total) : !more && slot.furthest > end;
  if (!contradicts && repeats(slot, packet + <usize>header, offset, bytes)) return false;
  if (contradicts || !mark(slot.bitmap, offset >> 3, (end + 7) >> 3)) {
    slot.inUse = false;
    return false;
  }
  if (!more) slot.total = end;
  if (end > slot.furthest) slot.furthest = end;
  slot.received += bytes;
  memory.copy(slot.buffer + <usize>(HEADER_ROOM_BYTES + offset), packet + <usize>header, bytes);
  if (offset == 0) {
    slot.hasFirst = true;
    slot.headerBytes = header;
    slot.firstBytes = bytes;
    memory.copy(slot.buffer + <usize>(HEADER_ROOM_BYTES - header), packet, header);
  }
  if (slot.total == 0 || slot.received < slot.total) return false;
  slot.inUse = false;
  reassembledPacket = slot.buffer + <usize>(HEADER_ROOM_BYTES - slot.headerBytes);
  reassembledLength = slot.headerBytes + slot.total;
  return true;
}

/** Gives up datagrams whose time is over; the sender is informed when the first fragment had come (RFC 792). */
export function fragmentsTick(): void {
  let next: u64 = u64.MAX_VALUE;
  for (let i: u32 = 0; i < SLOT_LIMIT; i++) {
    const slot = at(i);
    if (!slot.inUse) continue;
    if (slot.deadlineNs > nowNs) {
      next = min(next, slot.deadlineNs);
      continue;
    }
    slot.inUse = false;
    if (slot.hasFirst)
      icmpSendReassemblyTimeout(
        slot.buffer + <usize>(HEADER_ROOM_BYTES - slot.headerBytes),
        slot.headerBytes + slot.firstBytes,
        slot.source,
        slot.destination,
      );
  }
  if (next != u64.MAX_VALUE) timerStart(timer, next);
}
