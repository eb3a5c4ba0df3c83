// The face of HTTP for the kernel. See docs/http.md. May import: http.

export {
  httpRequest,
  responseBodyBytes,
  responseHeaders,
  responseHeadersLength,
  responseKeepAlive,
  responseStatus,
} from './client';
export { serverConnections } from './connection';
export { httpEventError, httpEventExchange, httpEventKind } from './event';
export { httpNextEvent, httpTimer } from './events';
export { HTTP_BODY_END, httpAbort, httpBuffer, httpEnd, httpRead, httpWrite } from './exchange';
export { headPoolBytes as httpHeadBytes } from './head';
export { httpLimitSet, LIMIT_OUT_OF_RANGE, LIMIT_SET, LIMIT_UNKNOWN } from './limit-settings';
export {
  httpClose,
  httpListen,
  httpRespond,
  httpRespondHead,
  httpTcpEvent,
  requestBodyBytes,
  requestHeaders,
  requestHeadersLength,
  requestMethod,
  requestMethodLength,
  requestPeerAddress,
  requestPeerPort,
  requestTarget,
  requestTargetLength,
} from './server';
