/**
 * Endpoints of managed plugins and of BuildKit's sessions: an engine that has none of either.
 *
 * In: calls. Out: empty lists, Docker's refusals. May import: http, errors.
 */
import { Type } from '@sinclair/typebox';
import { DaemonError } from '../../errors.js';
import type { Call, Route } from '../../http/route.js';

const noSuchPlugin = async (call: Call): Promise<void> => {
  throw new DaemonError('notFound', `plugin ${JSON.stringify(call.params.name)} not found`);
};

const noPlugins = async (): Promise<void> => {
  throw new DaemonError('notImplemented', 'managed plugins are not available in this engine');
};

/** What a client that insists on BuildKit (DOCKER_BUILDKIT=1) is told. */
const noSession = async (): Promise<void> => {
  throw new DaemonError(
    'notImplemented',
    'BuildKit is not available in this engine: use the classic builder (DOCKER_BUILDKIT=0)',
  );
};

/** Bodies here are lists or objects of plugin settings; none is used. */
const anyBody = Type.Unknown();

export function pluginRoutes(): Route[] {
  const one = (method: Route['method'], path: string): Route => ({ method, path, handler: noSuchPlugin });
  return [
    {
      method: 'GET',
      path: '/plugins',
      handler: async (call) => {
        call.filters();
        call.json(200, []);
      },
    },
    { method: 'GET', path: '/plugins/privileges', handler: noPlugins },
    { method: 'POST', path: '/plugins/pull', body: anyBody, bodyOptional: true, handler: noPlugins },
    { method: 'POST', path: '/plugins/create', handler: noPlugins },
    one('GET', '/plugins/*name/json'),
    one('DELETE', '/plugins/*name'),
    one('POST', '/plugins/*name/enable'),
    one('POST', '/plugins/*name/disable'),
    one('POST', '/plugins/*name/push'),
    one('POST', '/plugins/*name/upgrade'),
    one('POST', '/plugins/*name/set'),
    { method: 'POST', path: '/session', handler: noSession },
    { method: 'POST', path: '/grpc', handler: noSession },
  ];
}
