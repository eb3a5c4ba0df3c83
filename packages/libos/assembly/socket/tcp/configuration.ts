/**
 * Limits and times of the TCP layer with their sources. In: what the start parameters say, before `tcpStart`.
 * Out: constants and limits. May import: time, storage.
 */
import { ringBudgetBytes, ringBudgetSet, ringBytesUsed } from '../../storage/ring';
import { NS_PER_MS, NS_PER_S } from '../../time/clock';

/** Connections of all states together; at most 65,535 (a handle's index has 16 bits). */
export let maximumConnections: u32 = 16_384;
export const MAXIMUM_LISTENERS: u32 = 1024;
/** Bytes a connection may hold for its application to read: the largest window. */
export let receiveMaximumBytes: u32 = 65_535 << 8;
/** Bytes a connection may hold to send, in flight or waiting. */
export let sendMaximumBytes: u32 = 16 << 20;
/** Up to here a connection's buffers grow as long as the budget is not nearly used; beyond, while half of it is free. */
export const BUFFER_MODEST_BYTES: u32 = 1 << 20;
/** Half-open connections per listener before SYN cookies answer. */
export let synBacklogMaximum: u32 = 256;
/** Shift that we offer (RFC 7323 §2.2): the smallest with which `receiveMaximumBytes` fits. */
export let windowShift: u32 = 8;

/** First window: what fits without scaling; it grows when the application keeps up. */
export const RECEIVE_FIRST_BYTES: u32 = 65_535;
/** First bound of the send buffer; it follows three times the congestion window. */
export const SEND_FIRST_BYTES: u32 = 65_536;

/** RFC 9293 §3.7.1: the size to assume without an option. */
export const MSS_DEFAULT_BYTES: u32 = 536;
/** A smaller option would make headers outweigh data; CVE-2019-11479. */
export const MSS_LEAST_BYTES: u32 = 64;
/** RFC 6298 §2.1. */
export const RTO_FIRST_US: u32 = 1_000_000;
/** RFC 6298 §5.7: after a SYN had to be sent again. */
export const RTO_AFTER_SYN_US: u32 = 3_000_000;
/** RFC 6298 §2.4 asks for 1 s, to outlast delayed acknowledgements of up to 500 ms (RFC 1122); today's stacks delay 40 ms (Linux, ourselves) to 200 ms, so 200 ms does the same and recovers sooner. */
export const RTO_LEAST_US: u32 = 200_000;
/** RFC 6298 §2.5: at least 60 s. */
export const RTO_MOST_US: u32 = 60_000_000;
/** RFC 1122 §4.2.3.2 allows 500 ms. */
export const DELAYED_ACK_NS: u64 = 40 * NS_PER_MS;
/** RFC 9293 §3.4.1 allows any MSL; 30 s as in Linux and BSD. */
export const TIME_WAIT_NS: u64 = 60 * NS_PER_S;
/** An abandoned connection waits for the peer's FIN. */
export const FIN_WAIT_2_NS: u64 = 60 * NS_PER_S;
/** How long a deferred SYN may stay undecided: the peer's own patience. */
export const HOLD_NS: u64 = 120 * NS_PER_S;
/** With a first timeout of 1 s: 127 s, near R2's 3 minutes (RFC 1122 §4.2.3.5). */
export const SYN_RETRIES: u32 = 6;
export const SYN_ACK_RETRIES: u32 = 5;
/** With a first timeout of 200 ms: 222 s; R2 is at least 100 s (RFC 1122 §4.2.3.5). */
export const DATA_RETRIES: u32 = 11;
/** After `tcpRelease` nobody waits for the outcome any more: 51 s. */
export const ORPHAN_RETRIES: u32 = 8;
export const KEEP_ALIVE_INTERVAL_NS: u64 = 75 * NS_PER_S;
export const KEEP_ALIVE_PROBES: u32 = 9;
/** RFC 5961 §7: at most 10 challenge ACKs in any 5 s, counted per connection so that nobody else can observe it. */
export const CHALLENGE_LIMIT: u32 = 10;
export const CHALLENGE_PERIOD_NS: u64 = 5 * NS_PER_S;

/** Whether a connection's buffer may grow to `bytes`, seen from what all of them hold. */
export function buffersMayGrow(bytes: u32): bool {
  const budget = ringBudgetBytes();
  return bytes <= BUFFER_MODEST_BYTES
    ? ringBytesUsed() < budget - (budget >> 2)
    : <u64>bytes <= budget >> 2 && ringBytesUsed() + <u64>bytes < (budget >> 1) + (budget >> 2);
}

/** Sets the limits; before `tcpStart`. Windows 4 KiB to 1 GiB. */
export function tcpConfigure(connections: u32, bufferBytes: u64, receiveBytes: u32, sendBytes: u32): void {
  maximumConnections = min(max(connections, 1), 65_535);
  receiveMaximumBytes = min(max(receiveBytes, 4096), 1 << 30);
  sendMaximumBytes = min(max(sendBytes, 4096), 1 << 30);
  ringBudgetSet(bufferBytes);
  windowShift = 0;
  while (windowShift < 14 && (<u32>65_535) << windowShift < receiveMaximumBytes) windowShift++;
}
