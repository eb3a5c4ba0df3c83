/**
 * Feature: bodies as blobs, and blobs as bodies.
 *
 * In: nothing. Out: registrations in http/body. Imports http/body, blob.
 */
import { Blob, blobOf } from '../blob/blob.js';
import { parts } from '../http/body.js';

parts.blobOf = blobOf;
parts.extractors.push((value) =>
  value instanceof Blob ? { source: value._bytes, type: value.type } : undefined,
);
