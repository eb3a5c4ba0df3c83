// Socket and HTTP events on their way to who owns them. In: the layers' event queues. Out: calls of HTTP, DNS and the
// application. May import: everything below kernel/.

import { dnsNextEvent } from '../dns/resolver';
import { pushArgument } from '../engine/call';
import { newString } from '../engine/text';
import { fromBool, fromI32, fromI64, fromU32 } from '../engine/value';
import {
  httpAbort,
  httpEventError,
  httpEventExchange,
  httpEventKind,
  httpNextEvent,
  httpRespond,
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
  responseBodyBytes,
  responseHeaders,
  responseHeadersLength,
  responseKeepAlive,
  responseStatus,
} from '../http/index';
import {
  DISPATCH_HTTP_CLOSED,
  DISPATCH_HTTP_REQUEST,
  DISPATCH_HTTP_RESPONSE,
  DISPATCH_TCP,
  DISPATCH_UDP,
} from '../platform/index';
import { OWNER_APPLICATION, OWNER_HTTP_CLIENT, OWNER_HTTP_SERVER } from '../socket/owners';
import { eventBits, eventHandle, eventOwner } from '../socket/tcp/index';
import { udpEventHandle, udpEventOwner, udpTakeError } from '../socket/udp';
import { beginEvent, dispatch, dispatchHandle, dispatchHandleValue } from './dispatch';
import { dispatchAnswer } from './intrinsics/dns';
import { networkTcpEvent, networkUdpEvent } from './network';

/** What a request is told when the runtime fails to take it, as when the JavaScript heap is full (RFC 9110 §15.6.1). */
const STATUS_INTERNAL_ERROR: u32 = 500;

/** Delivers until no layer has an event left: what the application does may cause more. */
export function deliverEvents(): void {
  let any: bool;
  do {
    any = deliverTcp();
    if (deliverHttp()) any = true;
    if (deliverUdp()) any = true;
    if (deliverDns()) any = true;
  } while (any);
}

function deliverTcp(): bool {
  let any = false;
  while (networkTcpEvent()) {
    any = true;
    const owner = eventOwner;
    if (owner == OWNER_HTTP_SERVER || owner == OWNER_HTTP_CLIENT) httpTcpEvent(eventHandle, eventBits);
    else if (owner == OWNER_APPLICATION) dispatchHandleValue(DISPATCH_TCP, eventHandle, eventBits);
  }
  return any;
}

function deliverHttp(): bool {
  let any = false;
  while (httpNextEvent()) {
    any = true;
    const exchange = httpEventExchange;
    if (httpEventKind == DISPATCH_HTTP_REQUEST) dispatchRequest(exchange);
    else if (httpEventKind == DISPATCH_HTTP_RESPONSE) dispatchResponse(exchange);
    else if (httpEventKind == DISPATCH_HTTP_CLOSED)
      dispatchHandleValue(DISPATCH_HTTP_CLOSED, exchange, httpEventError);
    else dispatchHandle(httpEventKind, exchange);
  }
  return any;
}

function dispatchRequest(exchange: i32): void {
  beginEvent(DISPATCH_HTTP_REQUEST);
  pushArgument(fromI32(exchange));
  pushArgument(newString(requestMethod(exchange), requestMethodLength(exchange)));
  pushArgument(newString(requestTarget(exchange), requestTargetLength(exchange)));
  pushArgument(newString(requestHeaders(exchange), requestHeadersLength(exchange)));
  pushArgument(fromI64(requestBodyBytes(exchange)));
  pushArgument(fromU32(requestPeerAddress(exchange)));
  pushArgument(fromU32(requestPeerPort(exchange)));
  if (!dispatch()) httpRespond(exchange, STATUS_INTERNAL_ERROR, 0, 0, 0, 0);
}

function dispatchResponse(exchange: i32): void {
  beginEvent(DISPATCH_HTTP_RESPONSE);
  pushArgument(fromI32(exchange));
  pushArgument(fromU32(responseStatus(exchange)));
  pushArgument(newString(responseHeaders(exchange), responseHeadersLength(exchange)));
  pushArgument(fromI64(responseBodyBytes(exchange)));
  pushArgument(fromBool(responseKeepAlive(exchange)));
  if (!dispatch()) httpAbort(exchange);
}

function deliverUdp(): bool {
  let any = false;
  while (networkUdpEvent()) {
    any = true;
    if (udpEventOwner != OWNER_APPLICATION) continue;
    const handle = udpEventHandle;
    const error = udpTakeError(handle);
    if (error < 0) dispatchHandleValue(DISPATCH_UDP, handle, error);
    dispatchHandle(DISPATCH_UDP, handle);
  }
  return any;
}

function deliverDns(): bool {
  let any = false;
  while (dnsNextEvent()) {
    any = true;
    dispatchAnswer();
  }
  return any;
}
