// Makes the pools when HTTP is first used: a unikernel without it has none. In: limits. Out: pools.
// May import: characters, connection, head, status.
import { initialiseCharacters } from './characters';
import { initialiseConnections, initialiseScratch, scratch } from './connection';
import { initialiseHeads } from './head';
import { initialiseStatus } from './status';

/** Idempotent. */
export function initialiseHttp(): void {
  if (scratch != 0) return;
  initialiseCharacters();
  initialiseStatus();
  initialiseConnections();
  initialiseHeads();
  initialiseScratch();
}
