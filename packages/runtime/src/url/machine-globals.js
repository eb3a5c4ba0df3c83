/** Globals of the URL state machine (build.mjs). In: the compiled classes. Out: names to inject. */
export { TextDecoder } from '../encoding/text-decoder.js';
export { TextEncoder } from '../encoding/text-encoder.js';
