/**
 * `noos:globals`: puts every global of the runtime on `globalThis`, and includes every feature.
 *
 * In: nothing. Out: properties of the global object. Imports globals, features. For code that looks globals up by a
 * computed name or through `eval`, which the bundler cannot see.
 */
import '../features/blob.js';
import '../features/digest.js';
import '../features/form-data.js';
import '../features/search-params.js';
import '../features/signal.js';
import '../features/streams.js';
import '../features/url.js';
import * as globals from '../globals.js';

for (const [name, value] of Object.entries(globals))
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
