/**
 * Every global that the runtime gives, by its name: the one table of what the bundler injects.
 *
 * In: the modules that implement them. Out: exports named as the globals. A module is in an image only when the
 * application uses one of its names. Language built-ins and the engine's own (queueMicrotask, atob, btoa,
 * DOMException) are not here.
 */
export { console } from './console/console.js';
export { Headers } from './http/headers.js';
export { Response } from './http/response.js';
export {
  clearImmediate,
  clearInterval,
  clearTimeout,
  setImmediate,
  setInterval,
  setTimeout,
} from './timers/timers.js';
