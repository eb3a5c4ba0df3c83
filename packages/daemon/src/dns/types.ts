/**
 * Embedded DNS: one resolver per sandbox at 127.0.0.11, port 53, inside its namespace.
 *
 * In: who asks. Out: answers from the networks' names, else forwarded. May import: nothing.
 */

/** What a resolver asks the networks; live: called for each question. */
export interface NameSource {
  /**
   * Addresses of `name` on the networks of the sandbox (several containers may share an alias). Undefined: nobody has
   * the name; empty: somebody has, without an address of this family. `name` is in lower case, without the dot at the
   * end, `web` or `web.network` (dns/names.ts splits it).
   */
  addresses(sandbox: string, name: string, family: 4 | 6): readonly string[] | undefined;
  /** Name of the container that has `address` on a network of the sandbox, with the network's name: `web.front`. */
  nameOf(sandbox: string, address: string): string | undefined;
}

export interface ResolverRequest {
  sandbox: string;
  /** Path of the network namespace. */
  path: string;
  /** Where to forward, in order; addresses. All are asked from the host's namespace. */
  servers: readonly string[];
  /** False on internal networks: nothing is forwarded. */
  forward: boolean;
  /** The user set ndots: names without a dot are not forwarded, the client continues with its search list. */
  ndots?: boolean;
}

export interface EmbeddedDns {
  /** Opens the resolver, or replaces the settings of the open one (after connect and disconnect). */
  open(request: ResolverRequest): Promise<void>;
  close(sandbox: string): Promise<void>;
}
