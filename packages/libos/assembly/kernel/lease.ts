/**
 * What a DHCP lease says beyond the address: DNS servers and search domains, unless parameters gave them.
 * In: the options of the last ACK. Out: the resolver's configuration. May import: dhcp, dns, wire.
 */
import { dhcpInput, dhcpTakeEvent } from '../dhcp/client';
import {
  dnsSearchAddList,
  dnsSearchAddText,
  dnsSearchClear,
  dnsServerAdd,
  dnsServersClear,
} from '../dns/configuration';
import { dnsServersChanged } from '../dns/resolver';
import {
  dhcpDnsCount,
  dhcpDnsServers,
  dhcpDomain,
  dhcpDomainLength,
  dhcpSearch,
  dhcpSearchLength,
} from '../wire/dhcpv4';

/** Given by parameters: a lease does not override them. */
let serversAreFixed: bool = false;
let searchIsFixed: bool = false;

/** Adds a server that leases leave alone. */
export function fixServer(address: u32): void {
  serversAreFixed = true;
  dnsServerAdd(address);
}

/** Adds a search domain that leases leave alone. */
export function fixSearch(text: usize, length: u32): void {
  searchIsFixed = true;
  dnsSearchAddText(text, length);
}

/** Handles the DHCP socket's datagrams. */
export function leaseInput(): void {
  dhcpInput();
  while (dhcpTakeEvent()) {
    applyLease();
    dhcpInput();
  }
}

function applyLease(): void {
  if (!searchIsFixed && dhcpSearchLength + dhcpDomainLength > 0) {
    dnsSearchClear();
    // RFC 3397 §4: the search list replaces the domain name.
    if (dhcpSearchLength > 0) dnsSearchAddList(dhcpSearch, dhcpSearchLength);
    else dnsSearchAddText(dhcpDomain, dhcpDomainLength);
  }
  if (serversAreFixed || dhcpDnsCount == 0) return;
  dnsServersClear();
  for (let i: u32 = 0; i < dhcpDnsCount; i++) dnsServerAdd(load<u32>(dhcpDnsServers + <usize>(4 * i)));
  dnsServersChanged();
}
