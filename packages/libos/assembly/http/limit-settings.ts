// Limits by name, as start parameters set them (`http.NAME`, docs/http.md). In: names and numbers. Out: `limits`.
// May import: time, limits. The same table for people is `src/limits.ts`; a test compares the two.
import { NS_PER_MS } from '../time/clock';
import { HttpLimits, limits } from './limits';

/** Results of `httpLimitSet`. */
export const LIMIT_SET: u32 = 0;
export const LIMIT_UNKNOWN: u32 = 1;
export const LIMIT_OUT_OF_RANGE: u32 = 2;

/** Largest pools: with refused and client connections they fit in the 16 bits that a handle has for its index. */
const MOST_OBJECTS: u64 = 57_343;
/** Most incomplete heads; each has its buffers. */
const MOST_HEADS: u64 = 4096;
/** Largest head: more does not fit beside the others in 32 bits. */
const MOST_HEAD_BYTES: u64 = 1 << 20;
const MOST_BYTES: u64 = i64.MAX_VALUE - 1;
/** An hour and more is for tests: a day. */
const MOST_MS: u64 = 86_400_000;

/** `field32`, `field64` and `fieldMs` of one call: the name asked for, its value, and what came of it. */
let name: usize = 0;
let nameLength: u32 = 0;
let wanted: u64 = 0;
let result: u32 = LIMIT_UNKNOWN;

/** Whether the name is `text`. */
function isNamed(text: string): bool {
  if (nameLength != <u32>text.length) return false;
  for (let i: u32 = 0; i < nameLength; i++)
    if (<u32>load<u8>(name + <usize>i) != <u32>text.charCodeAt(i)) return false;
  return true;
}

/** Whether the value may be stored under the name asked for, which is `text`. */
function takes(text: string, least: u64, most: u64): bool {
  if (!isNamed(text)) return false;
  const fits = wanted >= least && wanted <= most;
  result = fits ? LIMIT_SET : LIMIT_OUT_OF_RANGE;
  return fits;
}

function field32(text: string, offset: usize, least: u64, most: u64): void {
  if (takes(text, least, most)) store<u32>(changetype<usize>(limits) + offset, <u32>wanted);
}

function field64(text: string, offset: usize): void {
  if (takes(text, 0, MOST_BYTES)) store<u64>(changetype<usize>(limits) + offset, wanted);
}

function fieldMs(text: string, offset: usize): void {
  if (takes(text, 1, MOST_MS)) store<u64>(changetype<usize>(limits) + offset, wanted * NS_PER_MS);
}

/** Sets the limit of a name (ASCII, without `http.`): bytes, a number, or milliseconds for `…TimeoutMs`. LIMIT_*. */
export function httpLimitSet(nameAddress: usize, length: u32, value: u64): u32 {
  name = nameAddress;
  nameLength = length;
  wanted = value;
  result = LIMIT_UNKNOWN;
  field32('methodBytes', offsetof<HttpLimits>('methodBytes'), 7, 256);
  field32('targetBytes', offsetof<HttpLimits>('targetBytes'), 1, MOST_HEAD_BYTES);
  field32('fieldBytes', offsetof<HttpLimits>('fieldBytes'), 256, MOST_HEAD_BYTES);
  field32('fieldCount', offsetof<HttpLimits>('fieldCount'), 1, 65_535);
  field64('bodyBytes', offsetof<HttpLimits>('bodyBytes'));
  field64('bufferedBodyBytes', offsetof<HttpLimits>('bufferedBodyBytes'));
  field32('chunkExtensionBytes', offsetof<HttpLimits>('chunkExtensionBytes'), 16, 65_536);
  field32('connections', offsetof<HttpLimits>('connections'), 1, MOST_OBJECTS);
  field32('refusedConnections', offsetof<HttpLimits>('refusedConnections'), 0, 4096);
  field32('exchanges', offsetof<HttpLimits>('exchanges'), 1, MOST_OBJECTS);
  field32('backlog', offsetof<HttpLimits>('backlog'), 1, MOST_OBJECTS);
  field32('partialHeads', offsetof<HttpLimits>('partialHeads'), 1, MOST_HEADS);
  field32('pendingBytes', offsetof<HttpLimits>('pendingBytes'), 65_536, 1 << 30);
  field32('headerBlockBytes', offsetof<HttpLimits>('headerBlockBytes'), 256, 131_072);
  fieldMs('headTimeoutMs', offsetof<HttpLimits>('headTimeoutNs'));
  fieldMs('bodyTimeoutMs', offsetof<HttpLimits>('bodyTimeoutNs'));
  field32('bodyBytesPerSecond', offsetof<HttpLimits>('bodyBytesPerSecond'), 1, 1_000_000_000);
  fieldMs('idleTimeoutMs', offsetof<HttpLimits>('idleTimeoutNs'));
  fieldMs('idleLeastMs', offsetof<HttpLimits>('idleLeastNs'));
  fieldMs('sendTimeoutMs', offsetof<HttpLimits>('sendTimeoutNs'));
  fieldMs('lingerTimeoutMs', offsetof<HttpLimits>('lingerTimeoutNs'));
  field64('discardBytes', offsetof<HttpLimits>('discardBytes'));
  field32('clientConnections', offsetof<HttpLimits>('clientConnections'), 1, 4096);
  field32('clientConnectionsPerHost', offsetof<HttpLimits>('clientConnectionsPerHost'), 1, 4096);
  fieldMs('clientConnectTimeoutMs', offsetof<HttpLimits>('clientConnectTimeoutNs'));
  fieldMs('clientHeadTimeoutMs', offsetof<HttpLimits>('clientHeadTimeoutNs'));
  fieldMs('clientBodyTimeoutMs', offsetof<HttpLimits>('clientBodyTimeoutNs'));
  fieldMs('clientIdleTimeoutMs', offsetof<HttpLimits>('clientIdleTimeoutNs'));
  return result;
}
