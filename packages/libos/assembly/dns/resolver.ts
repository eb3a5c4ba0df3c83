/**
 * DNS stub resolver (RFC 1034 §5.3.1, RFC 1123 §6.1): A records through recursive servers, with a cache, search domains,
 * several servers, and TCP when an answer does not fit UDP. Every request has a random identifier and a random port.
 * In: names, datagrams, TCP events, timers. Out: finished look-ups. May import: socket, time, platform, wire, storage.
 */
import { ERROR_EINVAL, ERROR_ENOBUFS, ERROR_ENOTFOUND, ERROR_ESERVFAIL } from '../platform/index';
import { randomU32 } from '../platform/random';
import { OWNER_DNS } from '../socket/owners';
import { peerAddress, peerPort, udpBind, udpClose, udpReceive, udpSend, udpTakeError } from '../socket/udp';
import { NS_PER_MS, nowNs } from '../time/clock';
import { Timer, timerStart, timerStop } from '../time/timers';
import {
  DNS_ANSWER,
  DNS_CONTINUE,
  DNS_FAILURE,
  DNS_MALFORMED,
  DNS_NAME_LIMIT,
  DNS_NO_DATA,
  DNS_NO_NAME,
  DNS_PORT,
  DNS_TRUNCATED,
  dnsAddressCount,
  dnsAddresses,
  dnsEmitQuery,
  dnsNameBytes,
  dnsNameFromText,
  dnsNamesEqual,
  dnsParse,
  dnsTarget,
  dnsTtlSeconds,
} from '../wire/dns';
import { NOT_AN_ADDRESS, parseIpv4 } from '../wire/ipv4-text';
import { cachedAddresses, cachedCount, cachedTtlSeconds, cacheFind, cacheStart, cacheStore } from './cache';
import { dnsSearchAt, dnsSearchCount, dnsServerAt, dnsServerCount } from './configuration';
import {
  Query,
  queriesFull,
  queryAddresses,
  queryAsked,
  queryAt,
  queryCandidate,
  queryCopyResult,
  queryCurrent,
  queryFinish,
  queryFree,
  queryHandle,
  queryOldest,
  queryOpen,
  queryTakeFinished,
  queryTimer,
} from './query';
import {
  EXCHANGE_COMPLETE,
  EXCHANGE_FAILED,
  exchangeResponse,
  exchangeResponseLength,
  tcpExchangeAdvance,
  tcpExchangeClose,
  tcpExchangeOpen,
  tcpExchangeQuery,
} from './tcp-exchange';

/** Time for an answer in the first round over the servers; doubled each round. */
const FIRST_TIMEOUT_MS: u64 = 1500;
const ROUNDS: u32 = 3;
/** Without a configured server, DHCP is waited for: this often, so many times. */
const UNCONFIGURED_WAIT_MS: u64 = 1000;
const UNCONFIGURED_LIMIT: u32 = 10;
const TCP_TIMEOUT_MS: u64 = 5000;
/** CNAME links from message to message. */
const LINK_LIMIT: u32 = 8;
/** resolv.conf(5): names with at least this many dots are tried as they are first. */
const NDOTS: u32 = 1;
const LOOPBACK: u32 = 0x7f000001;
const MESSAGE_BYTES: u32 = 4096;
const message: usize = memory.data(4096, 8);

/** What `dnsNextEvent` found: the look-up, its owner, 0 or ENOTFOUND or ESERVFAIL, addresses (u32 each), TTL. */
export let dnsEventQuery: i32 = 0;
export let dnsEventOwner: u8 = 0;
export let dnsEventError: i32 = 0;
export let dnsEventAddresses: usize = 0;
export let dnsEventCount: u32 = 0;
export let dnsEventTtlSeconds: u32 = 0;
let handedOut: usize = 0;
/** The server that answered last is asked first. */
let goodServer: u32 = 0;

/** Draws the cache's keys; after `randomStart`. */
export function dnsStart(): void {
  cacheStart();
}

/**
 * Starts a look-up of a name's IPv4 addresses. `text`: an address, a host name (search domains apply) or a name with a
 * final dot. Returns a handle, the result follows through `dnsNextEvent`; or EINVAL (no name), ENOBUFS.
 */
export function dnsResolve(text: usize, length: u32, owner: u8): i32 {
  if (queriesFull() && !giveUpOldest()) return ERROR_ENOBUFS;
  const query = queryOpen(owner);
  if (query === null) return ERROR_ENOBUFS;
  const address = parseIpv4(text, length);
  if (address != NOT_AN_ADDRESS) {
    finishWith(query, <u32>address);
    return queryHandle(query);
  }
  const asked = queryAsked(query);
  if (dnsNameFromText(text, length, asked) == 0) {
    queryFree(query);
    return ERROR_EINVAL;
  }
  if (isLocalhost(asked)) {
    finishWith(query, LOOPBACK);
    return queryHandle(query);
  }
  query.absolute = load<u8>(text + <usize>(length - 1)) == 0x2e;
  query.nameFirst = query.absolute || labelsOf(asked) > NDOTS;
  if (!follow(query)) beginCandidate(query);
  return queryHandle(query);
}

/**
 * The look-up that has waited for longest ends with ESERVFAIL: names whose servers never answer leave room for others.
 * False: all of them are so young that an answer may still come.
 */
function giveUpOldest(): bool {
  const oldest = queryOldest();
  if (oldest === null || nowNs - oldest.sinceNs < FIRST_TIMEOUT_MS * NS_PER_MS) return false;
  finish(oldest, ERROR_ESERVFAIL);
  return true;
}

/** RFC 6761 §6.3: localhost and all below it never leave. */
function isLocalhost(name: usize): bool {
  let at = name;
  while (load<u8>(at + <usize>load<u8>(at) + 1) != 0) at += <usize>load<u8>(at) + 1;
  // 9 "localhost" in two loads.
  return load<u8>(at) == 9 && load<u64>(at, 1) == 0x736f686c61636f6c && load<u8>(at, 9) == 0x74;
}

function labelsOf(name: usize): u32 {
  let labels: u32 = 0;
  for (let at = name; load<u8>(at) != 0; at += <usize>load<u8>(at) + 1) labels++;
  return labels;
}

/** Joins a look-up of the same name that is under way. */
function follow(query: Query): bool {
  for (let i: u32 = 0; ; i++) {
    const place = queryAt(i);
    if (place == 0) return false;
    const leader = changetype<Query>(place);
    if (!leader.live || leader == query || leader.udp + leader.tcp == 0) continue;
    if (leader.absolute != query.absolute || !dnsNamesEqual(queryAsked(leader), queryAsked(query))) continue;
    query.follows = true;
    query.next = leader.followers;
    leader.followers = changetype<usize>(query);
    return true;
  }
}

function finishWith(query: Query, address: u32): void {
  store<u32>(queryAddresses(query), address);
  query.count = 1;
  query.ttlSeconds = 0;
  queryFinish(query);
}

/** Puts the candidate's name together: the name itself or with a search domain. False: there is no further one. */
function nameCandidate(query: Query): bool {
  const asked = queryAsked(query);
  const name = queryCandidate(query);
  const searches: u32 = query.absolute ? 0 : dnsSearchCount;
  while (query.candidate <= searches) {
    const position = query.candidate++;
    const isName = query.nameFirst ? position == 0 : position == searches;
    const bytes = dnsNameBytes(asked);
    memory.copy(name, asked, bytes);
    if (isName) return true;
    const domain = dnsSearchAt(query.nameFirst ? position - 1 : position);
    const domainBytes = dnsNameBytes(domain);
    if (bytes - 1 + domainBytes > DNS_NAME_LIMIT) continue;
    memory.copy(name + <usize>(bytes - 1), domain, domainBytes);
    return true;
  }
  return false;
}

function beginCandidate(query: Query): void {
  if (!nameCandidate(query)) {
    finish(query, query.serverFailed ? ERROR_ESERVFAIL : ERROR_ENOTFOUND);
    return;
  }
  memory.copy(queryCurrent(query), queryCandidate(query), DNS_NAME_LIMIT + 1);
  query.links = 0;
  query.ttlSeconds = u32.MAX_VALUE;
  beginName(query);
}

/** Looks `current` up in the cache, else asks. */
function beginName(query: Query): void {
  query.attempts = 0;
  if (!cacheFind(queryCurrent(query))) {
    ask(query);
    return;
  }
  query.ttlSeconds = min(query.ttlSeconds, cachedTtlSeconds);
  if (cachedCount == 0) {
    beginCandidate(query);
    return;
  }
  query.count = cachedCount;
  memory.copy(queryAddresses(query), cachedAddresses, 4 * cachedCount);
  finish(query, 0);
}

function closeSockets(query: Query): void {
  if (query.udp != 0) udpClose(query.udp);
  query.udp = 0;
  tcpExchangeClose(query);
}

/** Sends the next request to the next server; gives the candidate up when all rounds are over. */
function ask(query: Query): void {
  while (true) {
    closeSockets(query);
    if (dnsServerCount == 0) {
      if (query.attempts++ >= UNCONFIGURED_LIMIT) break;
      timerStart(queryTimer(query), nowNs + UNCONFIGURED_WAIT_MS * NS_PER_MS);
      return;
    }
    if (query.attempts >= ROUNDS * dnsServerCount) break;
    const round = query.attempts / dnsServerCount;
    query.server = dnsServerAt((goodServer + query.attempts) % dnsServerCount);
    query.attempts++;
    query.identifier = randomU32() & 0xffff;
    const socket = udpBind(0, 0, OWNER_DNS);
    if (socket < 0) break;
    query.udp = socket;
    const length = dnsEmitQuery(message, query.identifier, queryCurrent(query));
    if (udpSend(socket, query.server, DNS_PORT, message, length) < 0) continue;
    timerStart(queryTimer(query), nowNs + (FIRST_TIMEOUT_MS << (<u64>round)) * NS_PER_MS);
    return;
  }
  query.serverFailed = true;
  finish(query, ERROR_ESERVFAIL);
}

/** A look-up's timer has expired: the next server. */
export function dnsTimer(timer: Timer): void {
  ask(changetype<Query>(timer.object));
}

/** The configuration has changed: look-ups that waited for a server continue. */
export function dnsServersChanged(): void {
  goodServer = 0;
  for (let i: u32 = 0; ; i++) {
    const place = queryAt(i);
    if (place == 0) return;
    const query = changetype<Query>(place);
    if (!query.live || query.udp + query.tcp != 0 || queryTimer(query).heapIndex == 0) continue;
    query.attempts = 0;
    ask(query);
  }
}

function queryOfUdp(handle: i32): Query | null {
  let index: u32 = 0;
  while (true) {
    const place = queryAt(index++);
    if (place == 0) return null;
    const query = changetype<Query>(place);
    if (query.live && query.udp == handle) return query;
  }
}

/** A UDP socket of the resolver has a datagram or an error. */
export function dnsUdpEvent(handle: i32): void {
  const query = queryOfUdp(handle);
  if (query === null) return;
  if (udpTakeError(handle) != 0) {
    ask(query);
    return;
  }
  while (query.udp == handle) {
    const length = udpReceive(handle, message, MESSAGE_BYTES);
    if (length < 0) return;
    if (peerAddress == query.server && peerPort == DNS_PORT) takeAnswer(query, message, <u32>length, false);
  }
}

/** A TCP socket of the resolver has an event. */
export function dnsTcpEvent(handle: i32, bits: u32): void {
  const query = tcpExchangeQuery(handle);
  if (query === null) return;
  const state = tcpExchangeAdvance(query, bits);
  if (state == EXCHANGE_COMPLETE) takeAnswer(query, exchangeResponse, exchangeResponseLength, true);
  else if (state == EXCHANGE_FAILED) ask(query);
}

function takeAnswer(query: Query, response: usize, length: u32, overTcp: bool): void {
  const current = queryCurrent(query);
  const result = dnsParse(response, length, query.identifier, current);
  if (result == DNS_MALFORMED && !overTcp) return;
  if (result == DNS_MALFORMED || result == DNS_FAILURE || (result == DNS_TRUNCATED && overTcp)) {
    ask(query);
    return;
  }
  if (result == DNS_TRUNCATED) {
    udpClose(query.udp);
    query.udp = 0;
    if (tcpExchangeOpen(query, dnsEmitQuery(message, query.identifier, current), message))
      timerStart(queryTimer(query), nowNs + TCP_TIMEOUT_MS * NS_PER_MS);
    else ask(query);
    return;
  }
  goodServer = (goodServer + query.attempts - 1) % max<u32>(dnsServerCount, 1);
  closeSockets(query);
  timerStop(queryTimer(query));
  query.ttlSeconds = min(query.ttlSeconds, dnsTtlSeconds);
  if (result == DNS_CONTINUE) {
    if (++query.links > LINK_LIMIT) {
      query.serverFailed = true;
      beginCandidate(query);
      return;
    }
    memory.copy(current, dnsTarget, DNS_NAME_LIMIT + 1);
    beginName(query);
    return;
  }
  if (result == DNS_NO_NAME || result == DNS_NO_DATA) {
    cacheStore(queryCandidate(query), 0, 0, query.ttlSeconds);
    beginCandidate(query);
    return;
  }
  assert(result == DNS_ANSWER);
  query.count = dnsAddressCount;
  memory.copy(queryAddresses(query), dnsAddresses, 4 * dnsAddressCount);
  cacheStore(queryCandidate(query), dnsAddresses, dnsAddressCount, query.ttlSeconds);
  finish(query, 0);
}

/** Ends a look-up and those that follow it. */
function finish(query: Query, error: i32): void {
  closeSockets(query);
  timerStop(queryTimer(query));
  query.error = error;
  if (error != 0) query.count = 0;
  let follower = query.followers;
  query.followers = 0;
  queryFinish(query);
  while (follower != 0) {
    const next = changetype<Query>(follower).next;
    queryCopyResult(query, changetype<Query>(follower));
    queryFinish(changetype<Query>(follower));
    follower = next;
  }
}

/** Takes the next finished look-up into `dnsEvent…`, valid until the next call. */
export function dnsNextEvent(): bool {
  if (handedOut != 0) queryFree(changetype<Query>(handedOut));
  handedOut = queryTakeFinished();
  if (handedOut == 0) return false;
  const query = changetype<Query>(handedOut);
  dnsEventQuery = queryHandle(query);
  dnsEventOwner = query.owner;
  dnsEventError = query.error;
  dnsEventAddresses = queryAddresses(query);
  dnsEventCount = query.count;
  dnsEventTtlSeconds = query.ttlSeconds;
  return true;
}
