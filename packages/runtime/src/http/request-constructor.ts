/**
 * The global `Request`: the class together with the URL parser its constructor needs.
 *
 * In: nothing. Out: the class. Imports http/request, url, events. Requests that arrive do not go through the
 * constructor, so an application that makes none has no URL parser for it.
 */
import '../features/url.js';
import '../features/signal.js';
import * as request from './request.js';

export const Request = request.Request;
