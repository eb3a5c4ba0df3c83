/**
 * Connection states (RFC 9293 §3.3.2) and two of our own. In: nothing, out: numbers and questions about them.
 * The order matters: from SYN_RECEIVED on a connection is half-open or synchronised. May import: nothing.
 */

export const CLOSED: u8 = 0;
/** A SYN that waits for its owner's decision (deferred listeners). */
export const HELD: u8 = 1;
export const SYN_SENT: u8 = 2;
export const SYN_RECEIVED: u8 = 3;
export const ESTABLISHED: u8 = 4;
export const CLOSE_WAIT: u8 = 5;
export const FIN_WAIT_1: u8 = 6;
export const FIN_WAIT_2: u8 = 7;
export const CLOSING: u8 = 8;
export const LAST_ACK: u8 = 9;
export const TIME_WAIT: u8 = 10;

/** The application may still queue bytes. */
export function takesData(state: u8): bool {
  return state == ESTABLISHED || state == CLOSE_WAIT || state == SYN_SENT || state == SYN_RECEIVED;
}

/** Bytes from the peer may still come. */
export function expectsData(state: u8): bool {
  return state == ESTABLISHED || state == FIN_WAIT_1 || state == FIN_WAIT_2;
}

/** Data or a FIN may be sent or sent again. */
export function sendsData(state: u8): bool {
  return (
    state == ESTABLISHED ||
    state == CLOSE_WAIT ||
    state == FIN_WAIT_1 ||
    state == CLOSING ||
    state == LAST_ACK
  );
}
