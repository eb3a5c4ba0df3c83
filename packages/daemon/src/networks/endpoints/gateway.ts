/**
 * Which endpoint of a container gives its default routes. A pure decision.
 *
 * May import: types.
 */
import type { Endpoint } from '../types.js';

export interface GatewayCandidate {
  endpoint: Endpoint;
  interfaceName: string;
  /** Its network lets traffic out. */
  external: boolean;
}

/** Docker's order: GwPriority, highest first, then the network's name. */
export function gatewayFor(
  family: 4 | 6,
  candidates: readonly GatewayCandidate[],
): GatewayCandidate | undefined {
  return candidates
    .filter(({ endpoint, external }) => external && (family === 4 ? endpoint.gateway : endpoint.ipv6Gateway))
    .sort(
      (one, other) =>
        (other.endpoint.request.GwPriority ?? 0) - (one.endpoint.request.GwPriority ?? 0) ||
        (one.endpoint.networkName < other.endpoint.networkName ? -1 : 1),
    )[0];
}
