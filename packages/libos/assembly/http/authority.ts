// Host and port of a request (RFC 3986 §3.2.2, §3.2.3): uri-host [ ":" port ], as RFC 9110 §7.2 wants in Host.
// In: bytes. Out: whether they are one. May import: characters, wire.
import { NOT_AN_ADDRESS, parseIpv4 } from '../wire/ipv4-text';
import { hexValue, isDigit, isHost, isPercentEncoded } from './characters';

const COLON: u32 = 0x3a;
const OPEN_BRACKET: u32 = 0x5b;
const CLOSE_BRACKET: u32 = 0x5d;

/**
 * Whether the bytes are a host with or without a port; the empty host is one. In brackets an IPv6 address only: no
 * IPvFuture has ever been defined and the URL Standard knows none, and a zone is none (RFC 9844).
 */
export function isAuthority(text: usize, length: u32): bool {
  const end = text + <usize>length;
  let p = text;
  if (p < end && load<u8>(p) == OPEN_BRACKET) {
    p++;
    const start = p;
    while (p < end && load<u8>(p) != CLOSE_BRACKET) p++;
    if (p >= end || !isIpv6Address(start, p)) return false;
    p++;
    if (p < end && load<u8>(p) != COLON) return false;
  } else
    while (p < end && load<u8>(p) != COLON) {
      const c = <u32>load<u8>(p);
      if (!isHost(c) && !isPercentEncoded(p, end)) return false;
      p++;
    }
  if (p < end) p++;
  while (p < end) if (!isDigit(load<u8>(p++))) return false;
  return true;
}

/** Eight groups of up to four hexadecimal digits; "::" once for one or more; the last two may be an IPv4 address. */
function isIpv6Address(start: usize, end: usize): bool {
  let groups: u32 = 0;
  let compressed = false;
  let p = start;
  if (p + 1 < end && load<u8>(p) == COLON && load<u8>(p + 1) == COLON) {
    compressed = true;
    p += 2;
    if (p == end) return true;
  }
  while (true) {
    const group = p;
    while (p < end && p - group < 4 && hexValue(load<u8>(p)) >= 0) p++;
    if (p < end && load<u8>(p) == 0x2e) {
      if (parseIpv4(group, <u32>(end - group)) == NOT_AN_ADDRESS) return false;
      groups += 2;
      break;
    }
    if (p == group) return false;
    groups++;
    if (p == end) break;
    if (load<u8>(p++) != COLON) return false;
    if (p < end && load<u8>(p) == COLON) {
      if (compressed) return false;
      compressed = true;
      if (++p == end) break;
    }
  }
  return compressed ? groups < 8 : groups == 8;
}
