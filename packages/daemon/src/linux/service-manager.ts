/**
 * Tells systemd how far the service is (sd_notify(3)). Node has no datagram sockets of the Unix family, so the program
 * `systemd-notify`, there wherever systemd is, sends the few messages.
 *
 * In: the environment the daemon was started with. Out: messages. May import: run, log.
 */
import type { Logger } from '../log.js';
import { run } from './run.js';

export type ServiceState = 'READY=1' | 'STOPPING=1';

/**
 * Takes NOTIFY_SOCKET out of the environment: a runtime that found it there would wait for the container's own message.
 * Does nothing when no manager listens.
 */
export function takeNotifier(
  environment: NodeJS.ProcessEnv,
  log: Logger,
): (state: ServiceState) => Promise<void> {
  const socket = environment.NOTIFY_SOCKET;
  delete environment.NOTIFY_SOCKET;
  return async (state) => {
    if (!socket) return;
    try {
      await run(['systemd-notify', '--no-block', state], undefined, { NOTIFY_SOCKET: socket });
    } catch (error) {
      log.warn({ err: error, state }, 'systemd was not told');
    }
  };
}
