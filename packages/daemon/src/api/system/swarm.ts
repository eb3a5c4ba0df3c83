/**
 * Endpoints of a swarm, as an engine answers them that is in none.
 *
 * In: calls. Out: Docker's refusals. May import: http, errors.
 */
import { Type } from '@sinclair/typebox';
import { DaemonError } from '../../errors.js';
import type { Call, Method, Route } from '../../http/route.js';

/** moby/daemon/cluster: errNoSwarm, errSwarmNotManager. */
export const notManager =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
const notPart = 'This node is not part of a swarm';
const cannotForm = 'swarm mode is not available in this engine';

/** Method, path, and whether a JSON body is read (so that a malformed one is refused first). */
const managerEndpoints: readonly [Method, string, boolean?][] = [
  ['GET', '/swarm'],
  ['GET', '/swarm/unlockkey'],
  ['POST', '/swarm/update', true],
  ['GET', '/services'],
  ['GET', '/services/:id'],
  ['POST', '/services/create', true],
  ['POST', '/services/:id/update', true],
  ['DELETE', '/services/:id'],
  ['GET', '/services/:id/logs'],
  ['GET', '/nodes'],
  ['GET', '/nodes/:id'],
  ['DELETE', '/nodes/:id'],
  ['POST', '/nodes/:id/update', true],
  ['GET', '/tasks'],
  ['GET', '/tasks/:id'],
  ['GET', '/tasks/:id/logs'],
  ['GET', '/secrets'],
  ['POST', '/secrets/create', true],
  ['DELETE', '/secrets/:id'],
  ['GET', '/secrets/:id'],
  ['POST', '/secrets/:id/update', true],
  ['GET', '/configs'],
  ['POST', '/configs/create', true],
  ['DELETE', '/configs/:id'],
  ['GET', '/configs/:id'],
  ['POST', '/configs/:id/update', true],
];

const anyObject = Type.Object({}, { additionalProperties: true });

const refuse =
  (kind: 'unavailable' | 'notImplemented', message: string) =>
  async (call: Call): Promise<void> => {
    call.filters();
    throw new DaemonError(kind, message);
  };

export function swarmRoutes(): Route[] {
  return [
    ...managerEndpoints.map(
      ([method, path, hasBody]): Route => ({
        method,
        path,
        ...(hasBody ? { body: anyObject } : {}),
        handler: refuse('unavailable', notManager),
      }),
    ),
    { method: 'POST', path: '/swarm/init', body: anyObject, handler: refuse('notImplemented', cannotForm) },
    { method: 'POST', path: '/swarm/join', body: anyObject, handler: refuse('notImplemented', cannotForm) },
    { method: 'POST', path: '/swarm/leave', handler: refuse('unavailable', notPart) },
    { method: 'POST', path: '/swarm/unlock', body: anyObject, handler: refuse('unavailable', notPart) },
  ];
}
