/**
 * Request targets as URLs, as the URL Standard's parser would write them.
 *
 * In: origin and target of a request line. Out: the href. Imports nothing.
 * Nearly every target is in normal form, which one test shows; the rest is percent-encoded and has its dot segments
 * resolved here, so that reading `request.url` does not bring the URL parser into the image.
 */

/** In normal form: unreserved and reserved characters that paths and queries keep, and no segment that begins with a dot. */
const normal = /^(?!.*\/(?:\.|%2[eE]))[!$-;=?-_a-z|~]*$/;
/** The URL Standard's path percent-encode set, without `%` as it stays. */
const pathEncoded = /[\0-\x20"#<>?^`{}\x7f-\uffff]/g;
/** Special-query percent-encode set. */
const queryEncoded = /[\0-\x20"#'<>\x7f-\uffff]/g;

function percent(character: string): string {
  // Targets are byte strings: a code point is one byte (Fetch's isomorphic decoding).
  return `%${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, '0')}`;
}

function isDot(segment: string): boolean {
  return segment === '.' || segment.toLowerCase() === '%2e';
}

function isDotDot(segment: string): boolean {
  const lower = segment.toLowerCase();
  return lower === '..' || lower === '.%2e' || lower === '%2e.' || lower === '%2e%2e';
}

/**
 * @param origin `http://host:port` or empty when the target is in absolute form
 * @param target the request line's target
 */
export function normaliseTarget(origin: string, target: string): string {
  const whole = origin + target;
  if (origin !== '' && normal.test(target) && !/['\\^]/.test(target) && isNormalHost(origin)) return whole;
  const match = /^([a-z][a-z0-9+.-]*:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(whole);
  if (match === null) return whole;
  const path: string[] = [];
  const segments = match[2]!.replaceAll('\\', '/').split('/').slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (isDotDot(segment)) {
      path.pop();
      if (last) path.push('');
    } else if (isDot(segment)) {
      if (last) path.push('');
    } else path.push(segment.replace(pathEncoded, percent));
  });
  const query = match[3] === undefined ? '' : `?${match[3].slice(1).replace(queryEncoded, percent)}`;
  return `${match[1]!.toLowerCase().replace(/:80$/, '')}/${path.join('/')}${query}`;
}

function isNormalHost(origin: string): boolean {
  return !origin.endsWith(':80') && !/[A-Z]/.test(origin);
}
