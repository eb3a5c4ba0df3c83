/**
 * stack.wasm: its compiled module and the types of its exports (assembly/stack.ts).
 * In: build/stack.wasm. Out: an instance. May import: abi.
 */
import { readFileSync } from 'node:fs';
import type { Platform } from '@noos/abi';
import { bindPlatform } from '@noos/abi';

/** A mutable global of the module: an `export let`. */
type Variable<T = number> = { readonly value: T };

export interface StackExports {
  memory: WebAssembly.Memory;
  scratchAddress(): number;
  clockSet(monotonicNs: bigint, epochNs: bigint): void;
  stackStart(monotonicNs: bigint, epochNs: bigint): void;
  stackReceive(monotonicNs: bigint, epochNs: bigint): void;
  stackFlush(): bigint;

  interfaceConfigure(index: number, mac: bigint, mtuBytes: number, features: number): void;
  interfaceSetAddress(index: number, address: number, prefixLength: number, gateway: number): void;
  interfaceSetAnyAddress(index: number, anyAddress: number, answersAnyArp: number): void;
  routeAdd(network: number, prefixLength: number, gateway: number, index: number): number;
  arpAnnounce(index: number): void;

  interfaceAddress(index: number): number;
  dhcpStart(index: number): void;
  dhcpStop(index: number): void;
  dhcpState(index: number): number;

  fixServer(address: number): void;
  fixSearch(text: number, length: number): void;
  dnsResolve(text: number, length: number, owner: number): number;
  dnsNextEvent(): number;
  dnsServersChanged(): void;
  dnsEventQuery: Variable;
  dnsEventError: Variable;
  dnsEventAddresses: Variable;
  dnsEventCount: Variable;
  dnsEventTtlSeconds: Variable;
  /** Entries in the resolver's cache, look-ups in progress. */
  cacheLength(): number;
  queryCount(): number;

  neighbourCount(): number;
  /** Bytes of packets that wait for a neighbour. */
  waitingBytesNow(): number;
  fragmentsPending(): number;
  timersRunning(): number;

  udpBind(address: number, port: number, owner: number): number;
  udpBindWildcard(owner: number): number;
  udpSend(handle: number, address: number, port: number, source: number, length: number): number;
  udpSendFrom(
    handle: number,
    fromAddress: number,
    fromPort: number,
    address: number,
    port: number,
    source: number,
    length: number,
  ): number;
  udpReceive(handle: number, destination: number, capacity: number): number;
  udpTakeError(handle: number): number;
  udpLocalPort(handle: number): number;
  udpDropped(handle: number): number;
  udpClose(handle: number): void;
  networkUdpEvent(): number;
  udpSocketCount(): number;
  udpQueueBytes(): number;
  udpEventHandle: Variable;
  peerAddress: Variable;
  peerPort: Variable;
  localAddress: Variable;
  localPort: Variable;

  /** Result 0: none. The variables name the socket and SOCKET_EVENT_* bits. */
  networkTcpEvent(): number;
  eventHandle: Variable;
  eventBits: Variable;
  tcpListen(address: number, port: number, backlog: number, owner: number, deferred: number): number;
  tcpAccept(listener: number): number;
  tcpAcceptDeferred(handle: number): void;
  tcpRefuseDeferred(handle: number): void;
  tcpConnect(localAddress: number, localPort: number, address: number, port: number, owner: number): number;
  tcpSend(handle: number, source: number, length: number): number;
  tcpSendSpace(handle: number): number;
  tcpReceive(handle: number, destination: number, capacity: number): number;
  tcpPeek(handle: number): number;
  tcpPeekLength(handle: number): number;
  tcpConsume(handle: number, length: number): void;
  tcpFinished(handle: number): number;
  tcpShutdown(handle: number): void;
  tcpAbort(handle: number): void;
  tcpRelease(handle: number): void;
  tcpError(handle: number): number;
  tcpSetOption(handle: number, option: number, value: number): number;
  tcpLocalAddress(handle: number): number;
  tcpLocalPort(handle: number): number;
  tcpPeerAddress(handle: number): number;
  tcpPeerPort(handle: number): number;
  /** 0 CUBIC, 1 Reno. */
  tcpSetCongestion(handle: number, algorithm: number): number;
  connectionsInUse(): number;
  rangesHeld(): number;
  ringBytesUsed(): bigint;
}

let compiled: WebAssembly.Module | undefined;

/** Instantiates stack.wasm on `platform`; the module is compiled once per process. */
export async function instantiateStack(platform: Platform): Promise<StackExports> {
  compiled ??= await WebAssembly.compile(readFileSync(new URL('../../build/stack.wasm', import.meta.url)));
  let memory: WebAssembly.Memory | undefined;
  const instance = await WebAssembly.instantiate(compiled, {
    platform: bindPlatform(platform, () => memory!),
  });
  const exports = instance.exports as unknown as StackExports;
  memory = exports.memory;
  return exports;
}
