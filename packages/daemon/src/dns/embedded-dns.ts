/**
 * Embedded DNS: opens and closes the resolvers of the sandboxes.
 *
 * In: sandboxes. Out: name service at 127.0.0.11 inside them. May import: log, the files of this folder.
 */
import type { Logger } from '../log.js';
import type { ResolverSettings } from './resolver.js';
import type { EmbeddedDns, NameSource } from './types.js';

export interface EmbeddedDnsDependencies {
  names: NameSource;
  log: Logger;
  /** Of the servers outside; other than 53 in tests. */
  upstreamPort?: number;
  upstreamTimeoutMs?: number;
}

export function createEmbeddedDns(dependencies: EmbeddedDnsDependencies): EmbeddedDns {
  const { names, log, upstreamPort, upstreamTimeoutMs } = dependencies;
  const open = new Map<string, Promise<{ update(settings: ResolverSettings): void; close(): void }>>();

  /** Most daemons have a container without DNS first: the parser is loaded when one needs it. */
  const load = async () => {
    const [{ createForwarder }, { createResolver }, { openSockets }] = await Promise.all([
      import('./forward.js'),
      import('./resolver.js'),
      import('./sockets.js'),
    ]);
    const forwarder = createForwarder({
      ...(upstreamPort !== undefined && { port: upstreamPort }),
      ...(upstreamTimeoutMs !== undefined && { timeoutMs: upstreamTimeoutMs }),
    });
    return { forwarder, createResolver, openSockets };
  };
  let loaded: ReturnType<typeof load> | undefined;

  return {
    async open({ path, ...settings }) {
      const known = open.get(settings.sandbox);
      if (known) return (await known).update(settings);
      const opening = (async () => {
        loaded ??= load();
        const { forwarder, createResolver, openSockets } = await loaded;
        const resolver = createResolver(settings, { names, forwarder });
        const sockets = await openSockets(path, resolver.reply);
        return {
          update: (next: ResolverSettings) => {
            resolver.settings = next;
          },
          close: sockets.close,
        };
      })();
      open.set(settings.sandbox, opening);
      try {
        await opening;
      } catch (error) {
        open.delete(settings.sandbox);
        throw error;
      }
    },
    async close(sandbox) {
      const opening = open.get(sandbox);
      open.delete(sandbox);
      await opening?.then(
        ({ close }) => close(),
        (error: unknown) => log.debug({ sandbox, error: String(error) }, 'resolver was not open'),
      );
    },
  };
}
