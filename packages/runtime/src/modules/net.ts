/**
 * `noos:net`: TCP and UDP.
 *
 * In: nothing. Out: `listen`, `connect`, `udpBind`; each only in the image when imported. Imports net.
 */
export { SystemError } from '../core/errors.js';
export type { Connection } from '../net/connection.js';
export { type ConnectOptions, connect, type Listener, type ListenOptions, listen } from '../net/tcp.js';
export { type Datagram, type UdpOptions, type UdpSocket, udpBind } from '../net/udp.js';
