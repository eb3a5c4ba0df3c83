/**
 * `noos:globals`: puts every global of the runtime on `globalThis`.
 *
 * In: nothing. Out: properties of the global object. Imports globals. For code that looks globals up by a computed
 * name or through `eval`, which the bundler cannot see; it makes the image hold everything.
 */
import * as globals from '../globals.js';

for (const [name, value] of Object.entries(globals))
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
