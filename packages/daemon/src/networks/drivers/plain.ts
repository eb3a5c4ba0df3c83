/**
 * Drivers `host` and `null`: no links of their own. The host's namespace, or one with a loopback alone.
 *
 * May import: types.
 */
import { DaemonError } from '../../errors.js';
import type { NetworkDriver } from '../types.js';

/** One network of each exists from the start; no other can be made. */
export const createPlainDriver = (name: 'host' | 'null'): NetworkDriver => ({
  name,
  addresses: false,
  validate: (network) => {
    if (network.name !== (name === 'null' ? 'none' : name))
      throw new DaemonError('forbidden', `only one instance of "${name}" network is allowed`);
  },
  create: async () => {},
  delete: async () => {},
  join: async () => {},
  leave: async () => {},
  reconcile: async () => {},
});
