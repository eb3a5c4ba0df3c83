/**
 * Request targets as URLs, as the URL Standard's parser would write them.
 *
 * In: origin and target of a request line. Out: the href. Imports nothing.
 * Nearly every target is in normal form, which one test shows; the rest is percent-encoded and has its dot segments
 * resolved here, so that reading `request.url` does not bring the URL parser into the image.
 */

/** In normal form: characters that paths and queries keep. */
const normal = /^\/[!$&()*+,\-./0-9:;=?@A-Z_a-z|~%[\]]*$/;
const normalHost = /^[a-z0-9.-]+(?::[1-9][0-9]*)?$/;
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
  if (
    normal.test(target) &&
    // Dot segments, also as %2e.
    !target.includes('/.') &&
    !target.includes('/%2') &&
    isNormalOrigin(origin)
  )
    return whole;
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

/** The last origin found normal: a service is hardly ever asked under more than one. */
let knownOrigin = '';

function isNormalOrigin(origin: string): boolean {
  if (origin === knownOrigin) return origin !== '';
  if (!origin.startsWith('http://') || !normalHost.test(origin.slice(7)) || origin.endsWith(':80'))
    return false;
  knownOrigin = origin;
  return true;
}
