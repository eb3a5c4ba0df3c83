/**
 * How a name asked for may be read: as a whole, or as a name on the network that its last part names.
 *
 * In: `a.b.c`. Out: `a.b.c` anywhere, `a.b` on `c`, `a` on `b.c`. Pure. May import: nothing.
 */

/** One word of a line of hosts(5) or resolv.conf(5): no white space, no control characters. */
export const isWord = (text: string): boolean => text !== '' && !/[\s\p{Cc}]/u.test(text);

export interface NameReading {
  name: string;
  /** Absent: on any network. */
  network?: string;
}

/** In the order to try (libnetwork: ResolveName). */
export function readingsOf(asked: string): NameReading[] {
  const readings: NameReading[] = [{ name: asked }];
  for (let dot = asked.lastIndexOf('.'); dot > 0; dot = asked.lastIndexOf('.', dot - 1))
    readings.push({ name: asked.slice(0, dot), network: asked.slice(dot + 1) });
  return readings;
}

/** `4.3.2.1.in-addr.arpa` or the nibbles of `ip6.arpa` (RFC 1035 §3.5, RFC 3596 §2.5) → an address. */
export function addressOfPointer(name: string): string | undefined {
  const lower = name.toLowerCase();
  if (lower.endsWith('.in-addr.arpa')) {
    const labels = lower.slice(0, -'.in-addr.arpa'.length).split('.');
    const isByte = (label: string) => /^\d{1,3}$/.test(label) && Number(label) < 256;
    return labels.length === 4 && labels.every(isByte) ? labels.reverse().map(Number).join('.') : undefined;
  }
  if (!lower.endsWith('.ip6.arpa')) return undefined;
  const nibbles = lower.slice(0, -'.ip6.arpa'.length).split('.').reverse();
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined;
  return nibbles.join('').replace(/.{4}(?=.)/g, '$&:');
}
