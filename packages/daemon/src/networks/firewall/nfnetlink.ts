/**
 * Elements of our table's maps and sets added and deleted in one transaction, as nf_tables messages: a container's
 * start with published ports starts no process. The rules themselves are text (ruleset.ts, `nft`).
 *
 * In: elements. Out: the kernel's state. May import: netlink.
 */
import { exchangeNetlink, netlinkProtocols } from '@noos/linux';
import { attribute, encodeMessages, type Message, messageFlags, nested, text } from '../../linux/netlink.js';
import { parseAddress } from '../addresses/addresses.js';
import type { Protocol, SetElement } from './ruleset.js';

/** linux/netfilter/nfnetlink.h: NFNL_MSG_BATCH_BEGIN, _END; the subsystem they are for. */
const batch = { begin: 0x10, end: 0x11 } as const;
const subsystem = 10;
/** linux/netfilter/nf_tables.h. */
const types = { newElement: (subsystem << 8) | 12, deleteElement: (subsystem << 8) | 14 } as const;
const elementList = { table: 1, set: 2, elements: 3 } as const;
const element = { key: 1, data: 2 } as const;
const dataValue = 1;
const inetFamily = 1;
/** IANA protocol numbers. */
const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** nfgenmsg: family, version 0, resource big-endian. */
const header = (family: number, resource = 0): Buffer =>
  Buffer.from([family, 0, resource >> 8, resource & 0xff]);

/** A part of a concatenation, padded to 32 bits: an address, a protocol, a port. */
function field(part: string | number): Buffer {
  if (typeof part === 'number') return Buffer.from([part >> 8, part & 0xff, 0, 0]);
  const number = protocolNumbers[part as Protocol];
  if (number !== undefined) return Buffer.from([number, 0, 0, 0]);
  const address = parseAddress(part);
  if (!address) throw new Error(`not an address: ${part}`);
  return Buffer.from(address.value.toString(16).padStart(address.family === 4 ? 8 : 32, '0'), 'hex');
}

const value = (type: number, parts: SetElement['key']): Buffer =>
  nested(type, [attribute(dataValue, Buffer.concat(parts.map(field)))]);

function message(verb: 'add' | 'delete', table: string, { set, key, data }: SetElement): Message {
  const parts = [value(element.key, key)];
  // Elements are deleted by key alone.
  if (data && verb === 'add') parts.push(value(element.data, data));
  return {
    type: verb === 'add' ? types.newElement : types.deleteElement,
    flags: messageFlags.ack | (verb === 'add' ? messageFlags.create : 0),
    body: [
      header(inetFamily),
      text(elementList.table, table),
      text(elementList.set, set),
      nested(elementList.elements, [nested(1, parts)]),
    ],
  };
}

/** All or none; rejects with ENOENT when the table or an element to delete does not exist. */
export async function changeElements(
  verb: 'add' | 'delete',
  table: string,
  elements: readonly SetElement[],
): Promise<void> {
  if (elements.length === 0) return;
  const frame = (type: number): Message => ({ type, flags: 0, body: [header(0, subsystem)] });
  const messages = [
    frame(batch.begin),
    ...elements.map((each) => message(verb, table, each)),
    frame(batch.end),
  ];
  // The frame is not acknowledged.
  await exchangeNetlink('', netlinkProtocols.netfilter, encodeMessages(messages), elements.length);
}
