/**
 * The network's share of a turn, for both entries: frames in, timers, what became due out, the next deadline.
 * In: devices, the clock. Out: socket events (taken by the entry). May import: all network layers.
 */
import { dhcpConflict, dhcpTimer } from '../dhcp/client';
import { dnsStart, dnsTcpEvent, dnsTimer, dnsUdpEvent } from '../dns/resolver';
import { datagramProtocol, icmpErrorProtocol, icmpErrorSet } from '../iface/datagram';
import { fragmentsTick } from '../iface/fragments';
import { receiveFrame } from '../iface/input';
import { INTERFACE_LIMIT, interfaceAt, interfaceTakeConflict } from '../iface/interface';
import { identificationSeed } from '../iface/ipv4-output';
import { loopbackWaiting } from '../iface/loopback';
import { neighboursStart, neighboursTick, unreachableWaiting } from '../iface/neighbours';
import { Waiting, waitingDrop } from '../iface/waiting';
import { randomU32, randomU64 } from '../platform/random';
import { OWNER_DHCP, OWNER_DNS } from '../socket/owners';
import {
  eventBits,
  eventHandle,
  eventOwner,
  tcpFlush,
  tcpIcmpError,
  tcpInput,
  tcpNextEvent,
  tcpStart,
  tcpTimer,
} from '../socket/tcp/index';
import { udpEventHandle, udpEventOwner, udpIcmpError, udpInput, udpNextEvent } from '../socket/udp';
import { load32 } from '../storage/bytes';
import { nowNs } from '../time/clock';
import {
  nextDeadlineNs,
  TIMER_DHCP,
  TIMER_DNS,
  TIMER_FRAGMENT,
  TIMER_NEIGHBOR,
  TIMER_TCP,
  Timer,
} from '../time/timers';
import { ICMP_DESTINATION_UNREACHABLE } from '../wire/icmpv4';
import { PROTOCOL_TCP, PROTOCOL_UDP } from '../wire/ipv4';
import { leaseInput } from './lease';

/** Frames per device and turn: under a flood timers and the application still get their turn. */
const FRAME_BUDGET: u32 = 1024;
/** Host unreachable (RFC 792): what a neighbour that does not answer amounts to. */
const CODE_HOST_UNREACHABLE: u32 = 1;

/** A device had more frames than the budget: the next turn is due at once. */
let framesLeft: bool = false;

/** Draws what must not be foreseen; after `randomStart`. */
export function networkStart(): void {
  identificationSeed(randomU32());
  neighboursStart(randomU64());
  tcpStart();
  dnsStart();
}

function passUp(): void {
  const protocol = <u32>datagramProtocol;
  if (protocol == PROTOCOL_TCP) tcpInput();
  else if (protocol == PROTOCOL_UDP) udpInput();
  else if (icmpErrorProtocol != 0) passError();
}

function passError(): void {
  if (<u32>icmpErrorProtocol == PROTOCOL_TCP) tcpIcmpError();
  else if (<u32>icmpErrorProtocol == PROTOCOL_UDP) udpIcmpError();
}

/** Takes the waiting frames of every device and feeds them up the layers. */
export function networkReceive(): void {
  framesLeft = false;
  for (let device: u32 = 0; device <= INTERFACE_LIMIT; device++) {
    if (device < INTERFACE_LIMIT && !interfaceAt(device).present) continue;
    let budget = FRAME_BUDGET;
    while (budget > 0 && receiveFrame(device)) {
      passUp();
      budget--;
    }
    if (budget == 0) framesLeft = true;
    if (device < INTERFACE_LIMIT && interfaceTakeConflict(device)) dhcpConflict(device);
  }
}

/** Takes the next TCP event that is not the resolver's, into `eventHandle`, `eventOwner`, `eventBits`. */
export function networkTcpEvent(): bool {
  while (tcpNextEvent()) {
    if (eventOwner != OWNER_DNS) return true;
    dnsTcpEvent(eventHandle, eventBits);
  }
  return false;
}

/** Takes the next UDP event that is not DHCP's or the resolver's, into `udpEventHandle`, `udpEventOwner`. */
export function networkUdpEvent(): bool {
  while (udpNextEvent()) {
    if (udpEventOwner == OWNER_DHCP) leaseInput();
    else if (udpEventOwner == OWNER_DNS) dnsUdpEvent(udpEventHandle);
    else return true;
  }
  return false;
}

/** Handles an expired timer of the network; false: it is of a layer above. */
export function networkTimer(timer: Timer): bool {
  switch (timer.kind) {
    case TIMER_TCP:
      tcpTimer(timer);
      return true;
    case TIMER_DHCP:
      dhcpTimer(timer);
      return true;
    case TIMER_DNS:
      dnsTimer(timer);
      return true;
    case TIMER_NEIGHBOR:
      while (neighboursTick()) reportUnreachable();
      return true;
    case TIMER_FRAGMENT:
      fragmentsTick();
      return true;
    default:
      return false;
  }
}

/** Tells the senders of packets that waited in vain for a neighbour (RFC 1122 §3.3.1.6: as an ICMP error). */
function reportUnreachable(): void {
  let queue = unreachableWaiting;
  while (queue != 0) {
    const packet = changetype<Waiting>(queue);
    const transport = queue + offsetof<Waiting>();
    if (packet.length >= 8)
      icmpErrorSet(
        packet.protocol,
        ICMP_DESTINATION_UNREACHABLE,
        CODE_HOST_UNREACHABLE,
        packet.source,
        packet.destination,
        load32(transport),
        load32(transport + 4),
        0,
      );
    queue = waitingDrop(queue);
    if (icmpErrorProtocol != 0) passError();
  }
}

/** Sends what became due in this turn; returns the next deadline, monotonic nanoseconds. */
export function networkFlush(): u64 {
  tcpFlush();
  return framesLeft || loopbackWaiting() ? nowNs : nextDeadlineNs();
}
