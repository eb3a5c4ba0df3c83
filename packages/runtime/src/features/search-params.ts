/**
 * Feature: URLSearchParams as bodies.
 *
 * In: nothing. Out: a registration in http/body. Imports http/body, url.
 */
import { parts } from '../http/body.js';
import { URLSearchParams } from '../url/search-params.js';

parts.extractors.push((value) =>
  value instanceof URLSearchParams
    ? { source: value.toString(), type: 'application/x-www-form-urlencoded;charset=UTF-8' }
    : undefined,
);
