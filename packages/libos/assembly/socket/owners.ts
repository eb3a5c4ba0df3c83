/**
 * Who owns a socket: the dispatcher hands a socket's events to its owner. In: nothing. Out: numbers.
 * May import: nothing.
 */

/** TypeScript around stack.wasm: the gateway and tests. */
export const OWNER_EMBEDDER: u8 = 0;
export const OWNER_HTTP_SERVER: u8 = 1;
export const OWNER_HTTP_CLIENT: u8 = 2;
export const OWNER_DNS: u8 = 3;
export const OWNER_DHCP: u8 = 4;
/** The application, through noos:net. */
export const OWNER_APPLICATION: u8 = 5;
