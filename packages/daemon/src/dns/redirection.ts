/**
 * Leads 127.0.0.11 port 53 of a sandbox to the ports that the resolver's sockets have there: one table of our own in
 * the container's namespace, replaced as a whole, by nf_tables messages, so that no process is started for it.
 *
 * In: the namespace, two ports. Out: the kernel's state. May import: linux/netlink.
 */
import { exchangeNetlink, netlinkProtocols } from '@noos/linux';
import { attribute, encodeMessages, type Message, messageFlags, nested, text } from '../linux/netlink.js';
import { resolverAddress } from './resolv-conf.js';

/** linux/netfilter/nfnetlink.h and nf_tables.h: messages and attributes by their numbers there. */
const subsystem = 10;
const batch = { begin: 0x10, end: 0x11 } as const;
const types = { newTable: 0, deleteTable: 2, newChain: 3, newRule: 6 } as const;
const chain = { table: 1, name: 3, hook: 4, type: 7 } as const;
const hook = { number: 1, priority: 2 } as const;
const rule = { table: 1, chain: 2, expressions: 4 } as const;
const expression = { element: 1, name: 1, data: 2 } as const;
const dataValue = 1;
const register = { first: 1, second: 2 } as const;
const payloadBase = { network: 1, transport: 2 } as const;
const l4Protocol = 16;
const destinationNat = 1;

const ipv4Family = 2;
/** NF_INET_LOCAL_OUT. */
const localOutHook = 3;
/** NF_IP_PRI_NAT_DST. */
const natPriority = -100;
/** NLM_F_APPEND: after the rules there are. */
const append = 0x800;

const tableName = 'noos_dns';
const chainName = 'output';
const dnsPort = 53;
const protocols = { udp: 17, tcp: 6 } as const;

/** nf_tables speaks big-endian. */
function number32(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return attribute(type, bytes);
}

function bytes16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

const expr = (name: string, data: readonly Buffer[]): Buffer =>
  nested(expression.element, [text(expression.name, name), nested(expression.data, data)]);

/** Bytes of the packet into the first register. */
const payload = (base: number, offset: number, length: number): Buffer =>
  expr('payload', [number32(1, register.first), number32(2, base), number32(3, offset), number32(4, length)]);

/** Continues only when the first register is `value`. */
const equals = (value: Buffer): Buffer =>
  expr('cmp', [number32(1, register.first), number32(2, 0), nested(3, [attribute(dataValue, value)])]);

const immediate = (target: number, value: Buffer): Buffer =>
  expr('immediate', [number32(1, target), nested(2, [attribute(dataValue, value)])]);

/** `ip daddr 127.0.0.11 <protocol> dport 53 dnat to 127.0.0.11:<port>`. */
function redirect(protocol: number, port: number): Buffer {
  const address = Buffer.from(resolverAddress.split('.').map(Number));
  return nested(rule.expressions, [
    payload(payloadBase.network, 16, 4),
    equals(address),
    expr('meta', [number32(1, register.first), number32(2, l4Protocol)]),
    equals(Buffer.from([protocol])),
    payload(payloadBase.transport, 2, 2),
    equals(bytes16(dnsPort)),
    immediate(register.first, address),
    immediate(register.second, bytes16(port)),
    expr('nat', [
      number32(1, destinationNat),
      number32(2, ipv4Family),
      number32(3, register.first),
      number32(5, register.second),
    ]),
  ]);
}

/** The transaction: our table away if it was there, and made anew with both rules. */
function transaction(ports: { udp: number; tcp: number }): Message[] {
  const header = Buffer.from([ipv4Family, 0, 0, 0]);
  const frame = (type: number): Message => ({ type, flags: 0, body: [Buffer.from([0, 0, 0, subsystem])] });
  const change = (type: number, flags: number, ...attributes: Buffer[]): Message => ({
    type: (subsystem << 8) | type,
    flags: messageFlags.ack | flags,
    body: [header, ...attributes],
  });
  const table = text(1, tableName);
  const addRule = (protocol: 'udp' | 'tcp'): Message =>
    change(
      types.newRule,
      messageFlags.create | append,
      text(rule.table, tableName),
      text(rule.chain, chainName),
      redirect(protocols[protocol], ports[protocol]),
    );
  return [
    frame(batch.begin),
    change(types.newTable, messageFlags.create, table),
    change(types.deleteTable, 0, table),
    change(types.newTable, messageFlags.create, table),
    change(
      types.newChain,
      messageFlags.create,
      text(chain.table, tableName),
      text(chain.name, chainName),
      nested(chain.hook, [number32(hook.number, localOutHook), number32(hook.priority, natPriority)]),
      text(chain.type, 'nat'),
    ),
    addRule('udp'),
    addRule('tcp'),
    frame(batch.end),
  ];
}

/** Replaces the redirection in the namespace at `path`. */
export async function redirectDns(path: string, ports: { udp: number; tcp: number }): Promise<void> {
  const messages = transaction(ports);
  // The frame is not acknowledged.
  await exchangeNetlink(path, netlinkProtocols.netfilter, encodeMessages(messages), messages.length - 2);
}
