/** Face of the folder, loaded only with --metrics-addr. May import: files beside. */
export { createEngineMetrics } from './engine.js';
export { serveMetrics } from './serve.js';
