/** Face of the package: see docs/architecture.md. */
export * from './device/faults.js';
export * from './device/frame-device.js';
export * from './device/pcap.js';
export * from './device/trace.js';
export * from './random.js';
export * from './simulation.js';
export * from './stack/clock.js';
export type { DnsAnswer } from './stack/dns.js';
export * from './stack/error.js';
export * from './stack/stack.js';
export type { TcpConnection, TcpListener, TcpListenOptions } from './stack/tcp.js';
export type { Datagram, UdpSocket } from './stack/udp.js';
export * from './unikernel-module.js';
