/**
 * Feature: signals of requests.
 *
 * In: nothing. Out: registrations in http/request. Imports http, events.
 */
import { AbortSignal, abort, newSignal } from '../events/abort.js';
import { exchangeOf, whenClosed } from '../http/exchange.js';
import { requestParts } from '../http/request.js';

/** A request that arrived aborts when its client goes away; one made by the application never by itself. */
requestParts.newSignal = (request) => {
  const signal = newSignal();
  if (request._exchange > 0) whenClosed(exchangeOf(request._exchange), (error) => abort(signal, error));
  return signal;
};
requestParts.followSignal = (signal) => {
  if (!(signal instanceof AbortSignal)) throw new TypeError('Request: signal must be an AbortSignal');
  return AbortSignal.any([signal]);
};
