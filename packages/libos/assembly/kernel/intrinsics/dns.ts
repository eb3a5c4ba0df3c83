// dnsResolve and its answers. In: host calls, finished look-ups. Out: calls of dns/, events. May import: dns/, engine/,
// kernel/.
import {
  dnsEventAddresses,
  dnsEventCount,
  dnsEventError,
  dnsEventQuery,
  dnsEventTtlSeconds,
  dnsResolve,
} from '../../dns/resolver';
import { Buffer } from '../../engine/buffer';
import { pushArgument } from '../../engine/call';
import { newString, readString } from '../../engine/text';
import { fromI32, fromU32, JS_EXCEPTION } from '../../engine/value';
import { DISPATCH_DNS } from '../../platform/index';
import { OWNER_APPLICATION } from '../../socket/owners';
import { beginEvent, dispatch } from '../dispatch';
import { putDecimal } from './decimal';
import { argument, define, NEEDS_START } from './define';

const RESOLVE: i32 = 0x60 | NEEDS_START;

/** Addresses reported at most; further ones are left out. */
const ADDRESSES: u32 = 32;
/** Ten digits and a comma each. */
const answer: usize = memory.data(352);

const name: Buffer = changetype<Buffer>(memory.data(12));

export function defineDns(host: u64): void {
  define(host, 'dnsResolve', 1, RESOLVE);
}

export function callDns(argv: u32): u64 {
  if (!readString(argument(argv, 0), name)) return JS_EXCEPTION;
  return fromI32(dnsResolve(name.address, name.length, OWNER_APPLICATION));
}

/** Tells the application of the look-up that `dnsNextEvent` found. */
export function dispatchAnswer(): void {
  const count = min(dnsEventCount, ADDRESSES);
  let end = answer;
  for (let i: u32 = 0; i < count; i++) end = putDecimal(end, load<u32>(dnsEventAddresses + <usize>(4 * i)));
  const length: u32 = count == 0 ? 0 : <u32>(end - answer) - 1;
  beginEvent(DISPATCH_DNS);
  pushArgument(fromI32(dnsEventQuery));
  pushArgument(fromI32(dnsEventError));
  pushArgument(newString(answer, length));
  pushArgument(fromU32(dnsEventTtlSeconds));
  dispatch();
}
