/**
 * The host object of the library OS, taken once.
 *
 * In: the global `__noos`, which is deleted so that the application cannot reach it. Out: its functions and the
 * table of event handlers. Imports abi only. Modules register for the events they need when they are bundled, so
 * an image holds handlers only for what its application reaches.
 */
import type { Intrinsics } from '@noos/abi';

const holder = globalThis as { __noos?: Intrinsics };
export const host = holder.__noos as Intrinsics;
if (host === undefined) throw new Error('the runtime of Noos works only inside a unikernel');
delete holder.__noos;

type Handler = (...values: never[]) => void;

/** Indexed by dispatch kind; a kind without handler belongs to a module that this image does not hold. */
const handlers: (Handler | undefined)[] = [];
for (let kind = 0; kind <= 40; kind++) handlers.push(undefined);

/** Registers the one handler of an event kind (abi `dispatchKinds`). */
export function onDispatch(kind: number, handler: Handler): void {
  handlers[kind] = handler;
}

host.setDispatch(((kind: number, a: never, b: never, c: never, d: never, e: never, f: never, g: never) => {
  handlers[kind]?.(a, b, c, d, e, f, g);
}) as (kind: number, ...values: never[]) => void);
