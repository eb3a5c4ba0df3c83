/**
 * Connection tracking of UDP: a flow keeps the translation it began with, so flows that began before a port was
 * published, or live on after, are forgotten here. TCP needs none of it: its connections end.
 *
 * In: published ports. Out: entries deleted. May import: netlink.
 */
import { networkInterfaces } from 'node:os';
import { exchangeNetlink, netlinkProtocols } from '@noos/linux';
import {
  attribute,
  attributesOf,
  decodeMessages,
  encodeMessages,
  integer8,
  integer32,
  type Message,
  messageFlags,
  nested,
  port16,
} from '../../linux/netlink.js';
import { type Family, formatAddress } from '../addresses/addresses.js';
import type { PublishedPort } from './ruleset.js';

/** linux/netfilter/nfnetlink_conntrack.h. */
const types = { get: 0x101, delete: 0x102 } as const;
const entry = { original: 1, reply: 2, id: 12, filter: 25 } as const;
const tuple = { address: 1, protocol: 2 } as const;
const protocolPart = { number: 1, destinationPort: 3 } as const;
/** CTA_FILTER_F_CTA_PROTO_NUM, CTA_FILTER_F_CTA_PROTO_DST_PORT (net/netfilter/nf_internals.h). */
const filterFlags = (1 << 3) | (1 << 5);
const udp = 17;
/** Entries of one port; with more the rest ends by its own timeout (30 s of silence). */
const replyBytes = 1 << 20;

const header = (family: Family): Buffer => Buffer.from([family === 4 ? 2 : 10, 0, 0, 0]);

/** One tracked flow: where it was sent, who answers. */
interface Flow {
  destination: string;
  source: string;
  /** Attributes that name it. */
  identity: Buffer[];
}

const listFlows = (family: Family, port: number): Message => ({
  type: types.get,
  flags: messageFlags.dump,
  body: [
    header(family),
    nested(entry.original, [
      nested(tuple.protocol, [
        integer8(protocolPart.number, udp),
        port16(protocolPart.destinationPort, port),
      ]),
    ]),
    nested(entry.filter, [integer32(1, filterFlags), integer32(2, 0)]),
  ],
});

/** `which`: 1 source, 2 destination (IPv4); 3 and 4 (IPv6). */
function addressIn(tupleBytes: Buffer | undefined, family: Family, which: 'source' | 'destination'): string {
  const parts = attributesOf(tupleBytes ?? Buffer.alloc(0)).get(tuple.address);
  const type = (which === 'source' ? 1 : 2) + (family === 4 ? 0 : 2);
  const bytes = attributesOf(parts ?? Buffer.alloc(0)).get(type);
  return bytes ? formatAddress({ family, value: BigInt(`0x${bytes.toString('hex')}`) }) : '';
}

function flowOf(body: Buffer, family: Family): Flow {
  const attributes = attributesOf(body.subarray(4));
  const original = attributes.get(entry.original);
  const id = attributes.get(entry.id);
  return {
    destination: addressIn(original, family, 'destination'),
    source: addressIn(attributes.get(entry.reply), family, 'source'),
    identity: [
      ...(original ? [attribute(entry.original | 0x8000, original)] : []),
      ...(id ? [attribute(entry.id, id)] : []),
    ],
  };
}

function isLocal(address: string): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some((each) => each.address === address));
}

/** A flow to the published host port that does not go where the port says (`published`), or goes there still. */
const isStale = (flow: Flow, port: PublishedPort, published: boolean): boolean =>
  published
    ? flow.source !== port.address &&
      (port.hostIp === '' ? isLocal(flow.destination) : flow.destination === port.hostIp)
    : flow.source === port.address;

/** After UDP ports were published or unpublished. A kernel without conntrack's netlink face has nothing to forget. */
export async function forgetFlows(ports: readonly PublishedPort[], published: boolean): Promise<void> {
  for (const port of ports.filter(({ protocol }) => protocol === 'udp')) {
    const exchange = (messages: readonly Message[]) =>
      exchangeNetlink('', netlinkProtocols.netfilter, encodeMessages(messages), messages.length, replyBytes);
    const reply = await exchange([listFlows(port.family, port.hostPort)]);
    const stale = [...decodeMessages(reply)]
      .map(({ body }) => flowOf(body, port.family))
      .filter((flow) => isStale(flow, port, published));
    if (stale.length === 0) continue;
    await exchange(
      stale.map(({ identity }) => ({
        type: types.delete,
        flags: messageFlags.ack,
        body: [header(port.family), ...identity],
      })),
    ).catch((error: unknown) => {
      // It ended by itself meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }
}
