// Which interface and next hop a destination has: longest prefix first.
// In: interface configuration and added routes. Out: interface and next hop. May import: wire.
import { maskOfPrefix } from '../wire/ipv4';
import { INTERFACE_LIMIT, interfaceAt, interfaceStoreAddress } from './interface';

const ROUTE_LIMIT: u32 = 16;

@unmanaged
class Route {
  network: u32;
  prefixLength: u32;
  mask: u32;
  /** 0: the destination is a neighbour itself. */
  gateway: u32;
  iface: u32;
}

const table: usize = memory.data(320, 8);
let count: u32 = 0;

/** Interface and next hop found by `routeFind`. */
export let routeInterface: u32 = 0;
export let routeNextHop: u32 = 0;

function at(index: u32): Route {
  return changetype<Route>(table + <usize>index * offsetof<Route>());
}

/** Adds a route, kept in order of falling prefix length; false when the table (16) is full. */
export function routeAdd(network: u32, prefixLength: u32, gateway: u32, iface: u32): bool {
  if (count == ROUTE_LIMIT) return false;
  let place = count;
  while (place > 0 && at(place - 1).prefixLength < prefixLength) place--;
  memory.copy(
    changetype<usize>(at(place + 1)),
    changetype<usize>(at(place)),
    <usize>(count - place) * offsetof<Route>(),
  );
  const route = at(place);
  route.mask = maskOfPrefix(prefixLength);
  route.network = network & route.mask;
  route.prefixLength = prefixLength;
  route.gateway = gateway;
  route.iface = iface;
  count++;
  return true;
}

/** Removes every route of an interface. */
export function routesRemove(iface: u32): void {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    if (at(i).iface == iface) continue;
    if (kept != i) memory.copy(changetype<usize>(at(kept)), changetype<usize>(at(i)), offsetof<Route>());
    kept++;
  }
  count = kept;
}

/** Sets an interface's address with its connected and default routes; address 0 takes them away. */
export function interfaceSetAddress(index: u32, address: u32, prefixLength: u32, gateway: u32): void {
  routesRemove(index);
  interfaceStoreAddress(index, address, prefixLength, gateway);
  if (address == 0) return;
  routeAdd(address, prefixLength, 0, index);
  if (gateway != 0) {
    // A gateway outside the prefix (as with /32 addresses) is reached directly.
    const mask = maskOfPrefix(prefixLength);
    if ((gateway & mask) != (address & mask)) routeAdd(gateway, 32, 0, index);
    routeAdd(0, 0, gateway, index);
  }
}

/** Whether a route leads over `address`. */
export function isRouter(address: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (address != 0 && at(i).gateway == address) return true;
  return false;
}

/** Finds the way to `destination` into `routeInterface` and `routeNextHop`; false: no route. */
export function routeFind(destination: u32): bool {
  for (let i: u32 = 0; i < count; i++) {
    const route = at(i);
    if ((destination & route.mask) != route.network) continue;
    routeInterface = route.iface;
    routeNextHop = route.gateway == 0 ? destination : route.gateway;
    return true;
  }
  // Limited broadcast needs no route: the first interface that is there.
  if (destination == 0xffffffff)
    for (let i: u32 = 0; i < INTERFACE_LIMIT; i++)
      if (interfaceAt(i).present) {
        routeInterface = i;
        routeNextHop = destination;
        return true;
      }
  return false;
}
