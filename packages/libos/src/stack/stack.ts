/**
 * The network stack for TypeScript: stack.wasm on frame devices, with sockets as objects.
 *
 * In: devices, addresses, a clock. Out: `Stack`. May import: abi, the devices, the other files of this folder.
 * Turns run after a frame has come, after a socket call, and at the deadline that the last turn returned; several
 * frames and calls share a turn. Callbacks run inside a turn.
 */
import { randomFillSync } from 'node:crypto';
import type { FrameDevice } from '../device/frame-device.js';
import { createFrameRing } from '../device/frame-ring.js';
import { type Clock, systemClock } from './clock.js';
import { ownerEmbedder, type StackCore, scratchBytes } from './core.js';
import { createDns, type DnsAnswer } from './dns.js';
import { instantiateStack, type StackExports } from './exports.js';
import { createTcp, type TcpConnection, type TcpListener, type TcpListenOptions } from './tcp.js';
import { createUdp, type UdpSocket } from './udp.js';

/** An interface of a stack, on one end of an Ethernet link. */
export interface InterfaceOptions {
  device: FrameDevice;
  /** Hardware address as a number of 48 bits. */
  mac: number;
  /** Static address (host order), or by DHCP; none when absent. */
  ipv4?: { address: number; prefixLength: number; gateway?: number } | 'dhcp';
  /** Gateway: packets for any destination address are taken as one's own. */
  anyAddress?: boolean;
  /** Gateway: ARP requests for any address are answered, so leave it off where guests are each other's neighbours. */
  answersAnyArp?: boolean;
}

export interface StackOptions {
  /** At most four. */
  interfaces: InterfaceOptions[];
  /** DNS servers and search domains; what is given here, a DHCP lease does not replace. */
  dns?: { servers?: number[]; search?: string[] };
  clock?: Clock;
  /** Fills a range with random bytes; the system's generator unless given. */
  entropy?: (bytes: Uint8Array) => void;
}

export interface Stack {
  tcpListen(options: TcpListenOptions, onConnection: (connection: TcpConnection) => void): TcpListener;
  /** Starts a connection; throws StackError when it cannot even be started. */
  tcpConnect(address: number, port: number, localAddress?: number, localPort?: number): TcpConnection;
  /** Port 0 picks a random one; address 0 is any. */
  udpBind(port: number, address?: number): UdpSocket;
  /** Gateway: receives what no other socket takes, whatever its destination. */
  udpBindWildcard(): UdpSocket;
  /** Looks up the IPv4 addresses of a name; rejects with StackError (ENOTFOUND, ESERVFAIL, EINVAL). */
  dnsResolve(name: string): Promise<DnsAnswer>;
  /** Own address of an interface; 0 while there is none. */
  address(index: number): number;
  /** The raw exports, for tests and counters. */
  readonly exports: StackExports;
  /** Frames lost because the stack did not keep up. */
  framesDropped(): number;
  /** Stops turns; the devices are left alone. */
  close(): void;
}

/** Frames waiting per device at most. */
const frameLimit = 4096;
const virtioHeaderBytes = 12;
const neverNs = 2n ** 64n - 1n;
const interfaceLimit = 4;

/** Starts a stack. Rejects when an option is out of range. */
export async function loadStack(options: StackOptions): Promise<Stack> {
  const { interfaces, clock = systemClock, entropy = (bytes) => void randomFillSync(bytes) } = options;
  if (interfaces.length > interfaceLimit)
    throw new RangeError(`a stack has at most ${interfaceLimit} interfaces`);
  const rings = interfaces.map(() => createFrameRing(frameLimit));
  let dropped = 0;
  let inTurn = false;
  let turnIsComing = false;
  let closed = false;
  let cancelDeadline = (): void => {};
  let deadlineNs = neverNs;

  const exports = await instantiateStack({
    parametersRead: () => 0,
    netReceive(device, frame) {
      const length = rings[device]?.shift(frame, virtioHeaderBytes) ?? 0;
      if (length === 0) return 0;
      frame.fill(0, 0, virtioHeaderBytes);
      return virtioHeaderBytes + length;
    },
    netTransmit: (device, frame) =>
      interfaces[device]!.device.transmit(frame.subarray(virtioHeaderBytes)) ? 1 : 0,
    blockSubmit: () => 2,
    blockComplete: () => neverNs,
    consoleWrite() {},
    entropyRead: entropy,
    memoryRelease: (pages) => void pages.fill(0),
    exit() {},
    panic(message) {
      throw new Error(Buffer.from(message).toString());
    },
  });

  function requestTurn(): void {
    if (turnIsComing || closed) return;
    turnIsComing = true;
    clock.soon(() => {
      turnIsComing = false;
      turn();
    });
  }

  function turn(): void {
    if (closed) return;
    inTurn = true;
    exports.stackReceive(clock.monotonicNs(), clock.wallNs());
    while (exports.networkTcpEvent() !== 0) tcp.dispatch(exports.eventHandle.value, exports.eventBits.value);
    while (exports.networkUdpEvent() !== 0) udp.dispatch(exports.udpEventHandle.value);
    dns.dispatch();
    const nextNs = BigInt.asUintN(64, exports.stackFlush());
    inTurn = false;
    if (nextNs <= clock.monotonicNs()) requestTurn();
    // A wake-up that is set already and comes too early costs less than setting one every turn.
    else if (nextNs < deadlineNs) {
      cancelDeadline();
      deadlineNs = nextNs;
      cancelDeadline = clock.at(nextNs, deadlineCame);
    }
  }

  function deadlineCame(): void {
    deadlineNs = neverNs;
    turn();
  }

  const scratch = exports.scratchAddress();
  const core: StackCore = {
    exports,
    owner: ownerEmbedder,
    scratch,
    scratchBytes,
    call(body) {
      if (!inTurn) {
        exports.clockSet(clock.monotonicNs(), clock.wallNs());
        requestTurn();
      }
      return body();
    },
    putScratch: (bytes) =>
      new Uint8Array(exports.memory.buffer, scratch, scratchBytes).set(
        bytes.length > scratchBytes ? bytes.subarray(0, scratchBytes) : bytes,
      ),
    bytesAt: (address, length) => new Uint8Array(exports.memory.buffer, address, length),
  };
  const tcp = createTcp(core);
  const udp = createUdp(core);
  const dns = createDns(core);

  exports.stackStart(clock.monotonicNs(), clock.wallNs());
  for (const server of options.dns?.servers ?? []) exports.fixServer(server);
  for (const domain of options.dns?.search ?? []) {
    core.putScratch(Buffer.from(domain, 'latin1'));
    exports.fixSearch(scratch, domain.length);
  }
  for (const [
    index,
    { device, mac, ipv4, anyAddress = false, answersAnyArp = false },
  ] of interfaces.entries()) {
    exports.interfaceConfigure(index, BigInt(mac), device.mtuBytes, 0);
    exports.interfaceSetAnyAddress(index, anyAddress ? 1 : 0, answersAnyArp ? 1 : 0);
    if (ipv4 === 'dhcp') exports.dhcpStart(index);
    else if (ipv4 !== undefined)
      exports.interfaceSetAddress(index, ipv4.address, ipv4.prefixLength, ipv4.gateway ?? 0);
    device.receive = (frame) => {
      if (rings[index]!.push(frame)) requestTurn();
      else dropped++;
    };
  }
  requestTurn();

  return {
    tcpListen: tcp.listen,
    tcpConnect: tcp.connect,
    udpBind: udp.bind,
    udpBindWildcard: udp.bindWildcard,
    dnsResolve: dns.resolve,
    address: (index) => exports.interfaceAddress(index) >>> 0,
    exports,
    framesDropped: () => dropped,
    close() {
      closed = true;
      cancelDeadline();
      for (const { device } of interfaces) device.receive = () => {};
    },
  };
}
