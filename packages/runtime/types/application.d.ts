/**
 * Types of the `noos:*` modules for applications: `"types": ["@noos/runtime/types"]` in tsconfig.json, with
 * `"lib": ["es2023", "webworker"]` for the Web APIs.
 */

declare module 'noos:env' {
  /** The application's configuration; declare its members by merging into this interface. */
  export interface Env {}
  /** Values of the image, overridden at start by `--env NAME=value`; frozen once started. */
  export const env: Readonly<Env>;
}

declare module 'noos:process' {
  export { exit, onStop } from '@noos/runtime/app/modules/process';
}

declare module 'noos:net' {
  export * from '@noos/runtime/app/modules/net';
}

declare module 'noos:dns' {
  export * from '@noos/runtime/app/modules/dns';
}

/** Importing it puts every global of the runtime on `globalThis`, for code that looks them up by a computed name. */
declare module 'noos:globals' {}
