/**
 * The text of an OCI document. May import: nothing.
 */

/** RLIM_INFINITY (getrlimit(2)), beyond JavaScript's integers: written in the object as `unlimited`. */
const infinity = '18446744073709551615';

/** JSON, with unlimited rlimits as numbers. Quotes inside JSON strings are escaped, so only members match. */
export const configText = (document: object): string =>
  JSON.stringify(document).replace(/"(soft|hard)":"unlimited"/g, `"$1":${infinity}`);
