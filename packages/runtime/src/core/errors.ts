/**
 * The library OS's error numbers as errors.
 *
 * In: a negative number of abi's `errorCodes`. Out: an Error with `code` as Node's libraries know it. Imports abi.
 */
import { errorCodes } from '@noos/abi';

/** An error of the network: `code` is a name of `errorCodes`. */
export class SystemError extends Error {
  static {
    // Not a property of each error: those are printed with it.
    SystemError.prototype.name = 'SystemError';
  }
  code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const messages: Record<string, string> = {
  EPERM: 'not permitted',
  EAGAIN: 'nothing now: try again',
  EINVAL: 'invalid argument',
  EMSGSIZE: 'message too long',
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'not an address of this machine',
  ENETUNREACH: 'no route to the network',
  ECONNABORTED: 'connection aborted',
  ECONNRESET: 'the peer reset the connection',
  ENOBUFS: 'no memory left for sockets or buffers (a configured limit)',
  ENOTCONN: 'not connected',
  ETIMEDOUT: 'the peer did not answer in time',
  ECONNREFUSED: 'the peer refused the connection',
  EHOSTUNREACH: 'no route to the host',
  ENOTFOUND: 'the name has no address',
  ESERVFAIL: 'no name server answered',
  EPROTO: 'the peer does not speak the protocol',
};

/**
 * @param value negative result of an intrinsic
 * @param doing what failed, for the message: `connect 192.0.2.1:80`
 */
export function systemError(value: number, doing: string): SystemError {
  const code = Object.keys(errorCodes).find((name) => (errorCodes as Record<string, number>)[name] === value);
  return new SystemError(code ?? `E${-value}`, `${doing}: ${messages[code ?? ''] ?? `error ${value}`}`);
}
