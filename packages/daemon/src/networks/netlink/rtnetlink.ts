/**
 * The changes that every container's start makes, as rtnetlink messages (rtnetlink(7)): no process is started for them.
 * Rarer ones go through `ip` (links.ts).
 *
 * In: interfaces, addresses, routes. Out: the kernel's state. May import: netlink.
 */
import { open } from 'node:fs/promises';
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
  text,
} from '../../linux/netlink.js';
import { type Address, parseAddress } from '../addresses/addresses.js';

/** linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/neighbour.h. */
const types = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  newRoute: 24,
  newNeighbour: 28,
} as const;
const link = { address: 1, name: 3, mtu: 4, master: 10, info: 18, namespaceFd: 28 } as const;
const linkInfo = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;
const vethPeer = 1;
/** linux/if_link.h: IFLA_BRPORT_STATE, IFLA_BRPORT_MODE. */
const bridgePort = { state: 1, mode: 4 } as const;
const interfaceUp = 1;
const families = { 4: 2, 6: 10 } as const;

function linkHeader(index: number, flags = 0): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(flags, 8);
  // Which flags are meant.
  bytes.writeUInt32LE(flags, 12);
  return bytes;
}

function addressBytes({ family, value }: Address): Buffer {
  const hex = value.toString(16).padStart(family === 4 ? 8 : 32, '0');
  return Buffer.from(hex, 'hex');
}

const addressOf = (value: string): Address => {
  const address = parseAddress(value);
  if (!address) throw new Error(`not an address: ${value}`);
  return address;
};

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(':', ''), 'hex');

const created = messageFlags.ack | messageFlags.create | messageFlags.exclusive;

export interface VethPair {
  host: string;
  /** Interface index of the bridge. */
  master: number;
  mtuBytes: number;
  peer: { name: string; mac: string; namespaceFd: number };
}

/** A veth pair: one end a port of the bridge and up, the other in a namespace, down. */
export const newVeth = ({ host, master, mtuBytes, peer }: VethPair): Message => ({
  type: types.newLink,
  flags: created,
  body: [
    linkHeader(0, interfaceUp),
    text(link.name, host),
    integer32(link.mtu, mtuBytes),
    integer32(link.master, master),
    nested(link.info, [
      text(linkInfo.kind, 'veth'),
      nested(linkInfo.data, [
        nested(vethPeer, [
          linkHeader(0),
          text(link.name, peer.name),
          attribute(link.address, macBytes(peer.mac)),
          integer32(link.mtu, mtuBytes),
          integer32(link.namespaceFd, peer.namespaceFd),
        ]),
      ]),
    ]),
  ],
});

/** The bridge sends a frame back through the port it came from, if that is where it belongs. */
export const setHairpin = (port: string): Message => ({
  type: types.newLink,
  flags: messageFlags.ack,
  body: [
    linkHeader(0),
    text(link.name, port),
    nested(link.info, [
      text(linkInfo.slaveKind, 'bridge'),
      nested(linkInfo.slaveData, [integer8(bridgePort.mode, 1)]),
    ]),
  ],
});

export const setUp = (index: number): Message => ({
  type: types.newLink,
  flags: messageFlags.ack,
  body: [linkHeader(index, interfaceUp)],
});

/** Setting the MAC, even to what it is, makes the kernel announce the addresses (sysctl arp_notify, ndisc_notify). */
export const setMac = (name: string, mac: string): Message => ({
  type: types.newLink,
  flags: messageFlags.ack,
  body: [linkHeader(0), text(link.name, name), attribute(link.address, macBytes(mac))],
});

export const deleteLink = (name: string): Message => ({
  type: types.deleteLink,
  flags: messageFlags.ack,
  body: [linkHeader(0), text(link.name, name)],
});

const getLink = (name: string): Message => ({
  type: types.getLink,
  flags: messageFlags.ack,
  body: [linkHeader(0), text(link.name, name)],
});

/** linux/if_addr.h: no duplicate address detection; addresses come from one IPAM. */
const addressNoDad = 0x02;

export function newAddress(index: number, value: string, prefixLength: number): Message {
  const address = addressOf(value);
  const header = Buffer.from([
    families[address.family],
    prefixLength,
    address.family === 6 ? addressNoDad : 0,
    0,
    ...[0, 0, 0, 0],
  ]);
  header.writeUInt32LE(index, 4);
  const bytes = addressBytes(address);
  const parts = [header, attribute(1, bytes), attribute(2, bytes)];
  if (address.family === 4 && prefixLength < 31) {
    const host = (1n << BigInt(32 - prefixLength)) - 1n;
    parts.push(attribute(4, addressBytes({ family: 4, value: address.value | host })));
  }
  return { type: types.newAddress, flags: created, body: parts };
}

/** linux/rtnetlink.h: RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST; RTA_OIF, RTA_GATEWAY. */
export function replaceDefaultRoute(index: number, gateway: string): Message {
  const address = addressOf(gateway);
  const header = Buffer.from([families[address.family], 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);
  return {
    type: types.newRoute,
    flags: messageFlags.ack | messageFlags.create | messageFlags.replace,
    body: [header, integer32(4, index), attribute(5, addressBytes(address))],
  };
}

/** linux/neighbour.h: NUD_STALE; NDA_DST, NDA_LLADDR. Replaces what the host knows of the address. */
export function replaceNeighbour(index: number, value: string, mac: string): Message {
  const address = addressOf(value);
  const header = Buffer.alloc(12);
  header[0] = families[address.family];
  header.writeInt32LE(index, 4);
  header.writeUInt16LE(0x04, 8);
  return {
    type: types.newNeighbour,
    flags: messageFlags.ack | messageFlags.create | messageFlags.replace,
    body: [header, attribute(1, addressBytes(address)), attribute(2, macBytes(mac))],
  };
}

/** Sends all; `namespace` "" is the host's. Every message is tried; the first failure is thrown. */
export const sendRoute = (namespace: string, messages: readonly Message[]): Promise<Buffer> =>
  exchangeNetlink(namespace, netlinkProtocols.route, encodeMessages(messages), messages.length);

/** Indices of interfaces by name, in the order asked. Rejects with ENODEV when one is missing. */
export async function indicesOf(namespace: string, names: readonly string[]): Promise<number[]> {
  const reply = await sendRoute(namespace, names.map(getLink));
  return [...decodeMessages(reply)].map(({ body }) => body.readInt32LE(4));
}

/** linux/if_bridge.h: BR_STATE_FORWARDING. */
const stateForwarding = 3;

/** Whether the host's interface is a port of a bridge, and one that forwards. Rejects with ENODEV without it. */
export async function bridgePortOf(name: string): Promise<{ forwards: boolean } | undefined> {
  const reply = await sendRoute('', [getLink(name)]);
  const [message] = decodeMessages(reply);
  const parts = (bytes: Buffer | undefined) => attributesOf(bytes ?? Buffer.alloc(0));
  const info = parts(parts(message?.body.subarray(linkHeader(0).length)).get(link.info));
  const state = parts(info.get(linkInfo.slaveData)).get(bridgePort.state);
  return state && { forwards: state[0] === stateForwarding };
}

/** Runs `use` with the namespace's file descriptor, which messages may carry. */
export async function withNamespaceFd<T>(path: string, use: (fd: number) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await use(file.fd);
  } finally {
    await file.close();
  }
}
