/**
 * Feature: the URL parser for `new Request` and `Response.redirect`.
 *
 * In: nothing. Out: registrations in http. Imports http, url.
 */
import { requestParts } from '../http/request.js';
import { setRedirectParser } from '../http/response.js';
import { URL } from '../url/url.js';

requestParts.parseUrl = (text) => new URL(text);
setRedirectParser((text) => new URL(text).href);
