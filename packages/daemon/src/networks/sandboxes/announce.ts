/**
 * Tells the neighbours of a new interface who has its addresses now (gratuitous ARP, unsolicited neighbour
 * advertisement): they may remember another container. A bridge's port forwards a moment after its interface is up;
 * what was sent before is lost, so this waits for the port.
 *
 * In: interfaces. Out: frames. May import: rtnetlink.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { bridgePortOf, sendRoute, setMac } from '../netlink/rtnetlink.js';
import type { Joined } from './state.js';

const pollMs = 5;
/** A port that is not ready by then belongs to a container that has ended, or to a bridge that blocks. */
const patienceMs = 2000;

async function portForwards(hostInterface: string): Promise<boolean> {
  for (
    const end = Date.now() + patienceMs;
    Date.now() < end;
    await sleep(pollMs, undefined, { ref: false })
  ) {
    const port = await bridgePortOf(hostInterface);
    if (port === undefined) return false;
    if (port.forwards) return true;
  }
  return false;
}

/** In the background: nobody waits for it, and a container that is gone needs it no more. */
export function announce(path: string, joined: readonly Joined[]): void {
  for (const { endpoint, interfaceName } of joined) {
    if (endpoint.hostInterface === '') continue;
    portForwards(endpoint.hostInterface)
      .then((forwards) =>
        forwards ? sendRoute(path, [setMac(interfaceName, endpoint.macAddress)]) : undefined,
      )
      .catch(() => {});
  }
}
