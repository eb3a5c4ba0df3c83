/**
 * Servers and search domains of the resolver (as resolv.conf(5)). In: parameters or a lease. Out: lists.
 * May import: wire.
 */
import { DNS_NAME_LIMIT, dnsNameBytes, dnsNameFromText, dnsReadName } from '../wire/dns';

const SERVER_LIMIT: u32 = 4;
const SEARCH_LIMIT: u32 = 6;
const NAME_SLOT_BYTES: u32 = 256;
const servers: usize = memory.data(16, 4);
const search: usize = memory.data(1536);
const name: usize = memory.data(256);
export let dnsServerCount: u32 = 0;
export let dnsSearchCount: u32 = 0;

/** Address of a server, index below `dnsServerCount`. */
export function dnsServerAt(index: u32): u32 {
  return load<u32>(servers + <usize>(4 * index));
}

/** Search domain in wire form, index below `dnsSearchCount`. */
export function dnsSearchAt(index: u32): usize {
  return search + <usize>(NAME_SLOT_BYTES * index);
}

export function dnsServersClear(): void {
  dnsServerCount = 0;
}

/** Adds a server; more than four are left out. */
export function dnsServerAdd(address: u32): void {
  if (dnsServerCount == SERVER_LIMIT || address == 0) return;
  store<u32>(servers + <usize>(4 * dnsServerCount), address);
  dnsServerCount++;
}

export function dnsSearchClear(): void {
  dnsSearchCount = 0;
}

function addName(): void {
  const bytes = dnsNameBytes(name);
  if (dnsSearchCount == SEARCH_LIMIT || bytes < 2 || bytes > DNS_NAME_LIMIT) return;
  memory.copy(dnsSearchAt(dnsSearchCount), name, bytes);
  dnsSearchCount++;
}

/** Adds a search domain from text; more than six, or what is no name, is left out. */
export function dnsSearchAddText(text: usize, length: u32): void {
  if (dnsNameFromText(text, length, name) != 0) addName();
}

/** Adds the search list of DHCP option 119 (RFC 3397): names compressed within the option. */
export function dnsSearchAddList(list: usize, length: u32): void {
  for (let at: u32 = 0; at < length; ) {
    at = dnsReadName(list, length, at, name);
    if (at == 0) return;
    addName();
  }
}
