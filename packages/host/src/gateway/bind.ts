/**
 * What published ports of both protocols share: the bound port, and why one cannot be bound.
 *
 * In: system errors. Out: values. May import: errors, port-spec.
 */
import { HostError, systemErrorCode } from '../errors.js';
import { formatEndpoint, type PublishedPort } from './port-spec.js';

/** A published port with the host port that was bound. */
export interface BoundPort extends PublishedPort {
  /** Takes no more, ends connections with their last bytes sent. */
  close(): Promise<void>;
}

/** The error for a port that the host does not give. */
export function bindError(port: PublishedPort, error: unknown): HostError {
  const where = `${formatEndpoint(port.hostAddress, port.hostPort)}/${port.protocol}`;
  const { hostPort, guestPort } = port;
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new HostError(
        'port-in-use',
        `port ${where} is in use: stop what uses it, or publish another one with -p ${hostPort === 65_535 ? 0 : hostPort + 1}:${guestPort}`,
        { cause: error },
      );
    case 'EACCES':
      return new HostError(
        'port-forbidden',
        `no permission to use port ${where}: publish one above 1023, for example -p 8080:${guestPort}`,
        { cause: error },
      );
    case 'EADDRNOTAVAIL':
      return new HostError(
        'address-unavailable',
        `this host has no address ${port.hostAddress}: leave it out, or name one of ip address show`,
        { cause: error },
      );
    default:
      return new HostError('start-failed', `cannot use port ${where}: ${(error as Error).message}`, {
        cause: error,
      });
  }
}
