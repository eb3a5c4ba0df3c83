/**
 * DHCPv4 messages (RFC 2131 §2, options of RFC 2132; overload §9.3, long options RFC 3396, search list RFC 3397).
 * In: the bytes of a UDP payload, out: fields; and the reverse. May import: storage.
 */
import { load32, store16, store32, store48 } from '../storage/bytes';

export const DHCP_SERVER_PORT: u32 = 67;
export const DHCP_CLIENT_PORT: u32 = 68;
export const DHCP_DISCOVER: u8 = 1;
export const DHCP_OFFER: u8 = 2;
export const DHCP_REQUEST: u8 = 3;
export const DHCP_DECLINE: u8 = 4;
export const DHCP_ACK: u8 = 5;
export const DHCP_NAK: u8 = 6;
export const DHCP_RELEASE: u8 = 7;

const FIXED_BYTES: u32 = 236;
const OPTIONS_OFFSET: u32 = 240;
const MAGIC_COOKIE: u32 = 0x63825363;
const BOOT_REQUEST: u8 = 1;
const BOOT_REPLY: u8 = 2;
/** Servers' name and boot file, which may carry options (§9.3). */
const SNAME_OFFSET: u32 = 44;
const SNAME_BYTES: u32 = 64;
const FILE_OFFSET: u32 = 108;
const FILE_BYTES: u32 = 128;
/** RFC 1542 §2.1: old relays want messages of at least this length. */
const MINIMUM_BYTES: u32 = 300;

const OPTION_PAD: u32 = 0;
const OPTION_MASK: u32 = 1;
const OPTION_ROUTER: u32 = 3;
const OPTION_DNS: u32 = 6;
const OPTION_HOST_NAME: u32 = 12;
const OPTION_DOMAIN: u32 = 15;
const OPTION_MTU: u32 = 26;
const OPTION_REQUESTED_ADDRESS: u32 = 50;
const OPTION_LEASE: u32 = 51;
const OPTION_OVERLOAD: u32 = 52;
const OPTION_TYPE: u32 = 53;
const OPTION_SERVER: u32 = 54;
const OPTION_PARAMETERS: u32 = 55;
const OPTION_MAXIMUM_SIZE: u32 = 57;
const OPTION_T1: u32 = 58;
const OPTION_T2: u32 = 59;
const OPTION_CLIENT: u32 = 61;
const OPTION_SEARCH: u32 = 119;
const OPTION_END: u32 = 255;

export const DHCP_DNS_LIMIT: u32 = 4;
/** Bytes kept of the domain name and of the search list. */
export const DHCP_TEXT_LIMIT: u32 = 512;

/** What `dhcpParse` found; 0 for what was not there. */
export let dhcpType: u8 = 0;
export let dhcpTransaction: u32 = 0;
export let dhcpYourAddress: u32 = 0;
export let dhcpMask: u32 = 0;
export let dhcpRouter: u32 = 0;
export let dhcpServer: u32 = 0;
export let dhcpMtu: u32 = 0;
export let dhcpLeaseSeconds: u32 = 0;
export let dhcpRenewSeconds: u32 = 0;
export let dhcpRebindSeconds: u32 = 0;
export let dhcpDnsCount: u32 = 0;
export let dhcpDomainLength: u32 = 0;
export let dhcpSearchLength: u32 = 0;
/** u32 each, host order. */
export const dhcpDnsServers: usize = memory.data(16, 4);
/** Domain name, text. */
export const dhcpDomain: usize = memory.data(512);
/** Search list, DNS wire form with compression inside it. */
export const dhcpSearch: usize = memory.data(512);

function clear(): void {
  dhcpType = 0;
  dhcpMask = 0;
  dhcpRouter = 0;
  dhcpServer = 0;
  dhcpMtu = 0;
  dhcpLeaseSeconds = 0;
  dhcpRenewSeconds = 0;
  dhcpRebindSeconds = 0;
  dhcpDnsCount = 0;
  dhcpDomainLength = 0;
  dhcpSearchLength = 0;
}

/** Adds an option's bytes to what is kept of it: an option may come in several parts (RFC 3396). */
function append(area: usize, kept: u32, value: usize, length: u32): u32 {
  const room = min(length, DHCP_TEXT_LIMIT - kept);
  memory.copy(area + <usize>kept, value, room);
  return kept + room;
}

function readOption(code: u32, value: usize, length: u32): void {
  if (code == OPTION_TYPE && length == 1) dhcpType = load<u8>(value);
  else if (code == OPTION_DNS) {
    for (let i: u32 = 0; i + 4 <= length && dhcpDnsCount < DHCP_DNS_LIMIT; i += 4)
      store<u32>(dhcpDnsServers + <usize>(4 * dhcpDnsCount++), load32(value + <usize>i));
  } else if (code == OPTION_DOMAIN) dhcpDomainLength = append(dhcpDomain, dhcpDomainLength, value, length);
  else if (code == OPTION_SEARCH) dhcpSearchLength = append(dhcpSearch, dhcpSearchLength, value, length);
  else if (code == OPTION_MTU && length == 2) dhcpMtu = <u32>bswap<u16>(load<u16>(value));
  else if (length >= 4) {
    const number = load32(value);
    if (code == OPTION_MASK) dhcpMask = number;
    else if (code == OPTION_ROUTER) dhcpRouter = number;
    else if (code == OPTION_SERVER) dhcpServer = number;
    else if (code == OPTION_LEASE) dhcpLeaseSeconds = number;
    else if (code == OPTION_T1) dhcpRenewSeconds = number;
    else if (code == OPTION_T2) dhcpRebindSeconds = number;
  }
}

/** Reads the options of one area; returns the overload option's value, or -1 when the area is malformed. */
function readOptions(area: usize, bytes: u32): i32 {
  let overload: i32 = 0;
  for (let at: u32 = 0; at < bytes; ) {
    const code = <u32>load<u8>(area + <usize>at);
    at++;
    if (code == OPTION_END) break;
    if (code == OPTION_PAD) continue;
    if (at == bytes) return -1;
    const length = <u32>load<u8>(area + <usize>at);
    at++;
    if (at + length > bytes) return -1;
    if (code == OPTION_OVERLOAD && length == 1) overload = <i32>load<u8>(area + <usize>at) & 3;
    else readOption(code, area + <usize>at, length);
    at += length;
  }
  return overload;
}

/** Takes a server's reply to the client `mac` apart; false: not one, or malformed. */
export function dhcpParse(message: usize, length: u32, mac: u64): bool {
  if (length < OPTIONS_OFFSET || load<u8>(message) != BOOT_REPLY) return false;
  if (load<u8>(message, 1) != 1 || load<u8>(message, 2) != 6 || load32(message + FIXED_BYTES) != MAGIC_COOKIE)
    return false;
  if (
    load32(message + 28) != <u32>(mac >> 16) ||
    <u32>bswap<u16>(load<u16>(message, 32)) != (<u32>mac & 0xffff)
  )
    return false;
  clear();
  dhcpTransaction = load32(message + 4);
  dhcpYourAddress = load32(message + 16);
  const overload = readOptions(message + <usize>OPTIONS_OFFSET, length - OPTIONS_OFFSET);
  if (overload < 0) return false;
  if ((overload & 1) != 0 && readOptions(message + <usize>FILE_OFFSET, FILE_BYTES) < 0) return false;
  if ((overload & 2) != 0 && readOptions(message + <usize>SNAME_OFFSET, SNAME_BYTES) < 0) return false;
  return dhcpType != 0;
}

let place: usize = 0;

function putOption32(code: u32, value: u32): void {
  store16(place, (code << 8) | 4);
  store32(place + 2, value);
  place += 6;
}

/**
 * Writes a client's message (at most 576 bytes) and returns its length. clientAddress: what is already in use, or 0;
 * requestedAddress and server: 0 leaves the option out.
 */
export function dhcpEmit(
  message: usize,
  type: u8,
  transaction: u32,
  seconds: u32,
  mac: u64,
  clientAddress: u32,
  requestedAddress: u32,
  server: u32,
  mtu: u32,
  hostName: usize,
  hostNameLength: u32,
): u32 {
  memory.fill(message, 0, MINIMUM_BYTES);
  store<u8>(message, BOOT_REQUEST);
  store16(message + 1, 0x0106);
  store32(message + 4, transaction);
  store16(message + 8, min<u32>(seconds, 0xffff));
  store32(message + 12, clientAddress);
  store48(message + 28, mac);
  store32(message + FIXED_BYTES, MAGIC_COOKIE);
  place = message + <usize>OPTIONS_OFFSET;
  store16(place, (OPTION_TYPE << 8) | 1);
  store<u8>(place, type, 2);
  store16(place + 3, (OPTION_CLIENT << 8) | 7);
  store<u8>(place, 1, 5);
  store48(place + 6, mac);
  place += 12;
  if (requestedAddress != 0) putOption32(OPTION_REQUESTED_ADDRESS, requestedAddress);
  if (server != 0) putOption32(OPTION_SERVER, server);
  if (type == DHCP_DISCOVER || type == DHCP_REQUEST) {
    store16(place, (OPTION_MAXIMUM_SIZE << 8) | 2);
    store16(place + 2, max<u32>(mtu, 576));
    place += 4;
    if (hostNameLength != 0) {
      const length = min<u32>(hostNameLength, 63);
      store16(place, (OPTION_HOST_NAME << 8) | length);
      memory.copy(place + 2, hostName, length);
      place += 2 + <usize>length;
    }
    store16(place, (OPTION_PARAMETERS << 8) | 9);
    store<u8>(place, <u8>OPTION_MASK, 2);
    store<u8>(place, <u8>OPTION_ROUTER, 3);
    store<u8>(place, <u8>OPTION_DNS, 4);
    store<u8>(place, <u8>OPTION_DOMAIN, 5);
    store<u8>(place, <u8>OPTION_MTU, 6);
    store<u8>(place, <u8>OPTION_LEASE, 7);
    store<u8>(place, <u8>OPTION_T1, 8);
    store<u8>(place, <u8>OPTION_T2, 9);
    store<u8>(place, <u8>OPTION_SEARCH, 10);
    place += 11;
  }
  store<u8>(place++, <u8>OPTION_END);
  return max<u32>(<u32>(place - message), MINIMUM_BYTES);
}
