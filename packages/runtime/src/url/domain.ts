/**
 * Domain to ASCII (UTS #46) from the engine's own Unicode functions: stands in for `tr46` below `whatwg-url`.
 *
 * In: a domain. Out: its ASCII form, or null. Imports `punycode`.
 * `tr46` carries the mapping table of Unicode, 250 kB. Mapping is nearly everywhere lower case and NFKC, which the
 * engine has; bidi and joiner rules, which only refuse, are not checked.
 */
import punycode from 'punycode/punycode.es6.js';

/** Code points that UTS #46 maps to nothing. */
const ignored =
  /\u00ad|\u034f|[\u180b-\u180d\u180f]|[\u200b\u2060\u2064\ufeff]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/gu;
const disallowed = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\p{Z}]/u;
const combining = /^\p{M}/u;

function mapped(domain: string): string {
  let lower = '';
  // One character at a time: a final sigma must not depend on what follows.
  for (const character of domain.replace(ignored, '')) lower += character.toLowerCase();
  return lower.normalize('NFKC').toLowerCase().normalize('NFC').replaceAll('\u3002', '.');
}

function label(text: string): string | null {
  if (text.startsWith('xn--')) {
    let decoded: string;
    try {
      decoded = punycode.decode(text.slice(4));
    } catch {
      return null;
    }
    const valid =
      /[^\0-\x7f]/.test(decoded) &&
      mapped(decoded) === decoded &&
      !disallowed.test(decoded) &&
      !combining.test(decoded);
    return valid ? text : null;
  }
  if (!/[^\0-\x7f]/.test(text)) return text;
  if (disallowed.test(text) || combining.test(text)) return null;
  return `xn--${punycode.encode(text)}`;
}

/** `tr46`'s interface as `whatwg-url` calls it. */
export function toASCII(domain: string): string | null {
  const labels: string[] = [];
  for (const text of mapped(domain).split('.')) {
    const ascii = label(text);
    if (ascii === null) return null;
    labels.push(ascii);
  }
  return labels.join('.');
}
