/**
 * Face of the package: starts the daemon. May import: daemon.ts.
 */
export { DaemonError } from './errors.js';
export { createLayout, type Layout } from './layout.js';
