/**
 * IPv4 addresses as text and as the host's numbers.
 *
 * In: text or numbers. Out: the other. Imports nothing.
 */

const dotted = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Number of a dotted-decimal address in host byte order; undefined when it is none. */
export function parseAddress(text: string): number | undefined {
  const match = dotted.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (let index = 1; index <= 4; index++) {
    const byte = Number(match[index]);
    if (byte > 255) return undefined;
    address = address * 256 + byte;
  }
  return address;
}

export function formatAddress(address: number): string {
  const unsigned = address >>> 0;
  return `${unsigned >>> 24}.${(unsigned >>> 16) & 255}.${(unsigned >>> 8) & 255}.${unsigned & 255}`;
}

/** @throws RangeError unless `port` is a whole number from `lowest` to 65535 */
export function checkPort(port: number, lowest = 1): number {
  if (!Number.isInteger(port) || port < lowest || port > 65_535)
    throw new RangeError(`port ${port}: must be a number from ${lowest} to 65535`);
  return port;
}

/** @throws TypeError unless `text` is an IPv4 address; undefined means any */
export function checkAddress(text: string | undefined): number {
  if (text === undefined) return 0;
  const address = parseAddress(text);
  if (address === undefined) throw new TypeError(`"${text}" is not an IPv4 address such as 192.0.2.1`);
  return address;
}
