/**
 * What the resolver of one sandbox says to one message.
 *
 * In: bytes of a client. Out: a reply, or nothing for what is no query. May import: the files of this folder.
 */
import type { Forwarder, Transport } from './forward.js';
import { answerReply, emptyReply, parseQuery, type Query, rcode } from './message.js';
import { addressOfPointer } from './names.js';
import type { NameSource, ResolverRequest } from './types.js';

const tcpLimitBytes = 65535;

export interface ResolverSettings extends Omit<ResolverRequest, 'path'> {}

export interface Resolver {
  settings: ResolverSettings;
  reply(message: Buffer, transport: Transport): Buffer | undefined | Promise<Buffer | undefined>;
}

const familyOf = { A: 4, AAAA: 6 } as const;

export function createResolver(
  settings: ResolverSettings,
  { names, forwarder }: { names: NameSource; forwarder: Forwarder },
): Resolver {
  let turn = 0;

  /** Several addresses take turns at being the first. */
  function rotate(addresses: readonly string[]): readonly string[] {
    if (addresses.length < 2) return addresses;
    const first = turn++ % addresses.length;
    return [...addresses.slice(first), ...addresses.slice(0, first)];
  }

  /** What the networks know; undefined: nothing. */
  function own(query: Query, transport: Transport): Buffer | undefined {
    const { sandbox } = resolver.settings;
    const limit = transport === 'tcp' ? tcpLimitBytes : query.udpLimitBytes;
    const name = query.name.toLowerCase();
    if (query.type === 'A' || query.type === 'AAAA') {
      const addresses = names.addresses(sandbox, name, familyOf[query.type]);
      return addresses && answerReply(query, query.type, rotate(addresses), limit);
    }
    // An empty answer makes mail clients ask for addresses (RFC 5321 §5.1).
    if (query.type === 'MX') return names.addresses(sandbox, name, 4) && emptyReply(query, rcode.success);
    if (query.type !== 'PTR') return undefined;
    const address = addressOfPointer(name);
    const host = address && names.nameOf(sandbox, address);
    return host ? answerReply(query, 'PTR', [host], limit) : undefined;
  }

  async function forward(query: Query, message: Buffer, transport: Transport): Promise<Buffer> {
    const reply = await forwarder.ask(query, message, resolver.settings.servers, transport);
    if (reply === 'full') return emptyReply(query, rcode.refused);
    return reply ?? emptyReply(query, rcode.serverFailure);
  }

  const resolver: Resolver = {
    settings,
    reply(message, transport) {
      const query = parseQuery(message);
      if (!query) return undefined;
      const known = own(query, transport);
      if (known) return known;
      const isAddress = query.type === 'A' || query.type === 'AAAA';
      if (resolver.settings.ndots && isAddress && !query.name.includes('.'))
        return emptyReply(query, rcode.success);
      if (!resolver.settings.forward) return emptyReply(query, rcode.serverFailure);
      return forward(query, message, transport);
    },
  };
  return resolver;
}
