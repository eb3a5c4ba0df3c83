/**
 * Versions of the Docker API. May import: nothing.
 */

/** The minor of an API version: 41 is 1.41. All served versions have major 1. */
export type ApiVersion = number;
export const minimumApiVersion: ApiVersion = 24;
export const currentApiVersion: ApiVersion = 50;
