/**
 * Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 §5.4): keyed functions of the four numbers plus
 * a clock, so that a later connection of the same four numbers continues above the earlier.
 *
 * In: addresses and ports. Out: numbers. May import: platform, time.
 */
import { randomU64, sipHash24 } from '../../platform/random';
import { nowNs } from '../../time/clock';

let sequenceKey0: u64 = 0;
let sequenceKey1: u64 = 0;
let timestampKey0: u64 = 0;
let timestampKey1: u64 = 0;

/** Draws the secrets. */
export function initialSequenceStart(): void {
  sequenceKey0 = randomU64();
  sequenceKey1 = randomU64();
  timestampKey0 = randomU64();
  timestampKey1 = randomU64();
}

/** Two 64-bit words that stand for a connection in keyed hashes. */
export function addressesWord(localAddress: u32, peerAddress: u32): u64 {
  return ((<u64>localAddress) << 32) | <u64>peerAddress;
}

export function portsWord(localPort: u32, peerPort: u32): u64 {
  return ((<u64>localPort) << 16) | <u64>peerPort;
}

/** ISN = M + F(four numbers, secret); M counts every 4 microseconds (RFC 9293 §3.4.1). */
export function initialSequence(localAddress: u32, localPort: u32, peerAddress: u32, peerPort: u32): u32 {
  const hash = sipHash24(
    sequenceKey0,
    sequenceKey1,
    addressesWord(localAddress, peerAddress),
    portsWord(localPort, peerPort),
  );
  return <u32>hash + <u32>(nowNs / 4000);
}

/** What is added to the millisecond clock in TSval. */
export function timestampOffset(localAddress: u32, localPort: u32, peerAddress: u32, peerPort: u32): u32 {
  return <u32>(
    sipHash24(
      timestampKey0,
      timestampKey1,
      addressesWord(localAddress, peerAddress),
      portsWord(localPort, peerPort),
    )
  );
}

/** Milliseconds, modulo 2^32. */
export function timestampClock(): u32 {
  return <u32>(nowNs / 1_000_000);
}
