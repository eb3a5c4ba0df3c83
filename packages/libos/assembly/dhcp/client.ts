/**
 * DHCPv4 client (RFC 2131 §4.4): one state machine per interface, over one UDP socket on port 68.
 * In: start calls, datagrams, timers, address conflicts. Out: interface configuration, lease events for the kernel.
 * May import: socket/udp, iface, time, wire, platform.
 */
import { arpAnnounce } from '../iface/arp-output';
import { INTERFACE_LIMIT, Interface, interfaceAt } from '../iface/interface';
import { neighboursRemove } from '../iface/neighbours';
import { interfaceSetAddress } from '../iface/routes';
import { randomU32 } from '../platform/random';
import { OWNER_DHCP } from '../socket/owners';
import { peerPort, receivedInterface, udpBind, udpReceive, udpSend, udpSendBroadcast } from '../socket/udp';
import { NS_PER_MS, NS_PER_S, nowNs } from '../time/clock';
import { TIMER_DHCP, Timer, timerStart, timerStop } from '../time/timers';
import {
  DHCP_ACK,
  DHCP_CLIENT_PORT,
  DHCP_DECLINE,
  DHCP_DISCOVER,
  DHCP_NAK,
  DHCP_OFFER,
  DHCP_RELEASE,
  DHCP_REQUEST,
  DHCP_SERVER_PORT,
  dhcpEmit,
  dhcpLeaseSeconds,
  dhcpMask,
  dhcpMtu,
  dhcpParse,
  dhcpRebindSeconds,
  dhcpRenewSeconds,
  dhcpRouter,
  dhcpServer,
  dhcpTransaction,
  dhcpType,
  dhcpYourAddress,
} from '../wire/dhcpv4';

export const DHCP_OFF: u8 = 0;
export const DHCP_INIT: u8 = 1;
export const DHCP_SELECTING: u8 = 2;
export const DHCP_REQUESTING: u8 = 3;
export const DHCP_BOUND: u8 = 4;
export const DHCP_RENEWING: u8 = 5;
export const DHCP_REBINDING: u8 = 6;

/** RFC 2131 §4.1: 4 s, doubled up to 64 s, each randomised by ±1 s. */
const FIRST_RETRY_SECONDS: u64 = 4;
const LAST_RETRY_SECONDS: u64 = 64;
/** Requests without an answer before beginning anew (§3.1.5). */
const REQUEST_LIMIT: u32 = 4;
/** §4.4.5: renewal is not tried more often than once a minute. */
const RENEW_SECONDS: u64 = 60;
/** §3.1.5: after a conflict the client waits before it begins again. */
const CONFLICT_SECONDS: u64 = 10;
/** RFC 2131 §3.3: all ones is for ever. */
const INFINITE_SECONDS: u32 = 0xffffffff;
/** Assumed when a server leaves the lease time out. */
const DEFAULT_LEASE_SECONDS: u32 = 3600;
const MESSAGE_BYTES: u32 = 1500;
const SMALLEST_MTU_BYTES: u32 = 576;
const HOST_NAME_LIMIT: u32 = 63;

@unmanaged
class Client {
  timer: Timer;
  state: u8;
  tries: u32;
  transaction: u32;
  startedNs: u64;
  /** Offered or leased address, and who leases it. */
  address: u32;
  server: u32;
  renewNs: u64;
  rebindNs: u64;
  expiresNs: u64;
}

const CLIENT_BYTES: usize = 64;
const clients: usize = memory.data(256, 8);
const TIMER_BYTES: usize = 32;
const timers: usize = memory.data(128, 8);
const message: usize = memory.data(1504, 8);
const hostName: usize = memory.data(64);
let hostNameLength: u32 = 0;
let socket: i32 = 0;

/** Interface whose lease `dhcpTakeEvent` reports; the ACK's options stand in `wire/dhcpv4` until the next message. */
export let dhcpEventInterface: u32 = 0;
let eventPending: bool = false;

function clientAt(index: u32): Client {
  return changetype<Client>(clients + <usize>index * CLIENT_BYTES);
}

/** State of an interface's client, DHCP_OFF to DHCP_REBINDING. */
export function dhcpState(index: u32): u32 {
  return <u32>clientAt(index).state;
}

/** Name sent with requests, at most 63 bytes. */
export function dhcpSetHostName(text: usize, length: u32): void {
  hostNameLength = min(length, HOST_NAME_LIMIT);
  memory.copy(hostName, text, hostNameLength);
}

/** Begins to ask for an address for an interface. */
export function dhcpStart(index: u32): void {
  if (socket == 0) socket = udpBind(0, DHCP_CLIENT_PORT, OWNER_DHCP);
  const client = clientAt(index);
  if (client.state == DHCP_OFF) {
    client.timer = changetype<Timer>(timers + <usize>index * TIMER_BYTES);
    client.timer.kind = TIMER_DHCP;
    client.timer.object = <usize>index;
  }
  beginDiscovery(client, index);
}

/** Gives the address back (§4.4.6) and stops. */
export function dhcpStop(index: u32): void {
  const client = clientAt(index);
  if (client.state == DHCP_OFF) return;
  if (client.state >= DHCP_BOUND) {
    const length = emitMessage(client, interfaceAt(index), DHCP_RELEASE, client.address, 0, client.server);
    udpSend(socket, client.server, DHCP_SERVER_PORT, message, length);
    unconfigure(index);
  }
  timerStop(client.timer);
  client.state = DHCP_OFF;
}

function unconfigure(index: u32): void {
  interfaceSetAddress(index, 0, 0, 0);
  neighboursRemove(index);
}

function beginDiscovery(client: Client, index: u32): void {
  client.state = DHCP_SELECTING;
  client.tries = 0;
  client.transaction = randomU32();
  client.startedNs = nowNs;
  client.server = 0;
  sendDiscover(client, index);
}

function emitMessage(
  client: Client,
  iface: Interface,
  type: u8,
  clientAddress: u32,
  requestedAddress: u32,
  server: u32,
): u32 {
  const seconds = <u32>((nowNs - client.startedNs) / NS_PER_S);
  return dhcpEmit(
    message,
    type,
    client.transaction,
    seconds,
    iface.mac,
    clientAddress,
    requestedAddress,
    server,
    min(iface.mtu, MESSAGE_BYTES),
    hostName,
    hostNameLength,
  );
}

/** Sets the timer to the next retransmission. */
function retryLater(client: Client): void {
  const seconds = min(FIRST_RETRY_SECONDS << (<u64>min<u32>(client.tries, 8)), LAST_RETRY_SECONDS);
  const spreadMs = <u64>(randomU32() % 2000);
  timerStart(client.timer, nowNs + seconds * NS_PER_S + spreadMs * NS_PER_MS - NS_PER_S);
  client.tries++;
}

function sendDiscover(client: Client, index: u32): void {
  const length = emitMessage(client, interfaceAt(index), DHCP_DISCOVER, 0, client.address, 0);
  udpSendBroadcast(socket, index, DHCP_SERVER_PORT, message, length);
  retryLater(client);
}

function sendRequest(client: Client, index: u32): void {
  const iface = interfaceAt(index);
  if (client.state == DHCP_REQUESTING) {
    const length = emitMessage(client, iface, DHCP_REQUEST, 0, client.address, client.server);
    udpSendBroadcast(socket, index, DHCP_SERVER_PORT, message, length);
    retryLater(client);
    return;
  }
  const length = emitMessage(client, iface, DHCP_REQUEST, client.address, 0, 0);
  if (client.state == DHCP_RENEWING) udpSend(socket, client.server, DHCP_SERVER_PORT, message, length);
  else udpSendBroadcast(socket, index, DHCP_SERVER_PORT, message, length);
  // §4.4.5: half of what is left until the next state, at least a minute, at most until then.
  const next = client.state == DHCP_RENEWING ? client.rebindNs : client.expiresNs;
  const left = next > nowNs ? next - nowNs : 0;
  timerStart(client.timer, min(next, nowNs + max(left / 2, RENEW_SECONDS * NS_PER_S)));
}

/** A client's timer has expired. */
export function dhcpTimer(timer: Timer): void {
  const index = <u32>timer.object;
  const client = clientAt(index);
  switch (client.state) {
    case DHCP_INIT:
      beginDiscovery(client, index);
      break;
    case DHCP_SELECTING:
      sendDiscover(client, index);
      break;
    case DHCP_REQUESTING:
      if (client.tries >= REQUEST_LIMIT) beginDiscovery(client, index);
      else sendRequest(client, index);
      break;
    case DHCP_BOUND:
      client.state = DHCP_RENEWING;
      client.transaction = randomU32();
      client.startedNs = nowNs;
      sendRequest(client, index);
      break;
    default:
      if (nowNs >= client.expiresNs) {
        unconfigure(index);
        beginDiscovery(client, index);
        break;
      }
      if (nowNs >= client.rebindNs) client.state = DHCP_REBINDING;
      sendRequest(client, index);
  }
}

/** Takes the socket's datagrams; stops after one that gave a lease, see `dhcpTakeEvent`. */
export function dhcpInput(): void {
  while (!eventPending) {
    const length = udpReceive(socket, message, MESSAGE_BYTES);
    if (length < 0) return;
    const index = receivedInterface;
    if (index >= INTERFACE_LIMIT) continue;
    const client = clientAt(index);
    if (client.state == DHCP_OFF || client.state == DHCP_INIT || peerPort != DHCP_SERVER_PORT) continue;
    if (!dhcpParse(message, <u32>length, interfaceAt(index).mac)) continue;
    if (dhcpTransaction == client.transaction) takeReply(client, index);
  }
}

function takeReply(client: Client, index: u32): void {
  if (client.state == DHCP_SELECTING) {
    if (dhcpType != DHCP_OFFER || dhcpServer == 0 || !isUsable(dhcpYourAddress)) return;
    // The first usable offer is taken (§4.4.1 leaves the choice).
    client.state = DHCP_REQUESTING;
    client.tries = 0;
    client.address = dhcpYourAddress;
    client.server = dhcpServer;
    sendRequest(client, index);
    return;
  }
  if (client.state == DHCP_BOUND) return;
  // Until rebinding only one server is asked, so only that one answers (§4.4.5).
  if (client.state != DHCP_REBINDING && dhcpServer != client.server) return;
  if (dhcpType == DHCP_NAK) {
    unconfigure(index);
    client.address = 0;
    beginDiscovery(client, index);
  } else if (dhcpType == DHCP_ACK && dhcpYourAddress == client.address) bind(client, index);
}

/** Not 0, not loopback, not multicast or above. */
function isUsable(address: u32): bool {
  return address >> 24 != 0 && address >> 24 != 127 && address >> 28 < 14;
}

/** Prefix length of a mask; a mask with holes or none at all falls back to the address's class (RFC 1122 §3.3.6). */
function prefixOf(mask: u32, address: u32): u32 {
  const ones = <u32>clz<u32>(~mask);
  if (mask != 0 && mask == (ones == 32 ? u32.MAX_VALUE : ~(u32.MAX_VALUE >> ones))) return ones;
  return address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24;
}

function bind(client: Client, index: u32): void {
  const iface = interfaceAt(index);
  const isNew = iface.address != client.address;
  client.state = DHCP_BOUND;
  if (dhcpServer != 0) client.server = dhcpServer;
  const lease = dhcpLeaseSeconds == 0 ? DEFAULT_LEASE_SECONDS : dhcpLeaseSeconds;
  if (lease == INFINITE_SECONDS) timerStop(client.timer);
  else {
    // §4.4.5: T1 and T2 default to 0.5 and 0.875 of the lease, and must come in that order.
    const rebind: u32 =
      dhcpRebindSeconds != 0 && dhcpRebindSeconds < lease ? dhcpRebindSeconds : <u32>((<u64>lease * 7) / 8);
    const renew: u32 =
      dhcpRenewSeconds != 0 && dhcpRenewSeconds < rebind ? dhcpRenewSeconds : min<u32>(lease / 2, rebind);
    client.expiresNs = nowNs + <u64>lease * NS_PER_S;
    client.rebindNs = nowNs + <u64>rebind * NS_PER_S;
    client.renewNs = nowNs + <u64>renew * NS_PER_S;
    timerStart(client.timer, client.renewNs);
  }
  if (dhcpMtu >= SMALLEST_MTU_BYTES && dhcpMtu < iface.mtu) iface.mtu = dhcpMtu;
  if (isNew && iface.address != 0) unconfigure(index);
  interfaceSetAddress(index, client.address, prefixOf(dhcpMask, client.address), dhcpRouter);
  if (isNew) arpAnnounce(index);
  dhcpEventInterface = index;
  eventPending = true;
}

/** Another host uses the address (RFC 2131 §3.1.5, RFC 5227 §2.4): declines it and begins again later. */
export function dhcpConflict(index: u32): void {
  const client = clientAt(index);
  if (client.state < DHCP_BOUND) return;
  const length = emitMessage(client, interfaceAt(index), DHCP_DECLINE, 0, client.address, client.server);
  unconfigure(index);
  udpSendBroadcast(socket, index, DHCP_SERVER_PORT, message, length);
  client.state = DHCP_INIT;
  client.address = 0;
  timerStart(client.timer, nowNs + CONFLICT_SECONDS * NS_PER_S);
}

/** True once per lease that was obtained or renewed; `dhcpInput` is to be called again after it. */
export function dhcpTakeEvent(): bool {
  const pending = eventPending;
  eventPending = false;
  return pending;
}
