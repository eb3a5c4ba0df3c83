/**
 * AbortController and AbortSignal (DOM §3).
 *
 * In: aborts, time. Out: the classes. Imports events, timers.
 */
import { setTimeout } from '../timers/timers.js';
import { Event } from './event.js';
import { EventTarget } from './event-target.js';

const creating = Symbol('creating');

export class AbortSignal extends EventTarget {
  _aborted = false;
  _reason: unknown;
  /** Run before the event's listeners. */
  _actions: ((reason: unknown) => void)[] = [];
  _handler: ((event: Event) => unknown) | null = null;

  constructor(token?: symbol) {
    if (token !== creating) throw new TypeError('Illegal constructor');
    super();
  }

  get aborted(): boolean {
    return this._aborted;
  }

  get reason(): unknown {
    return this._reason;
  }

  get onabort(): ((event: Event) => unknown) | null {
    return this._handler;
  }

  set onabort(handler: ((event: Event) => unknown) | null) {
    if (this._handler !== null) this.removeEventListener('abort', this._handler);
    this._handler = typeof handler === 'function' ? handler : null;
    if (this._handler !== null) this.addEventListener('abort', this._handler);
  }

  throwIfAborted(): void {
    if (this._aborted) throw this._reason;
  }

  static abort(reason?: unknown): AbortSignal {
    const signal = newSignal();
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds: number): AbortSignal {
    const signal = newSignal();
    setTimeout(
      () => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
      milliseconds,
    );
    return signal;
  }

  static any(signals: Iterable<AbortSignal>): AbortSignal {
    const signal = newSignal();
    const sources = [...signals];
    const aborted = sources.find((source) => source._aborted);
    if (aborted !== undefined) {
      signal._aborted = true;
      signal._reason = aborted._reason;
      return signal;
    }
    for (const source of sources) onAbort(source, (reason) => abort(signal, reason));
    return signal;
  }

  override get [Symbol.toStringTag](): string {
    return 'AbortSignal';
  }
}

export class AbortController {
  readonly signal: AbortSignal = newSignal();

  abort(reason?: unknown): void {
    abort(this.signal, reason);
  }

  get [Symbol.toStringTag](): string {
    return 'AbortController';
  }
}

/** A signal that only `abort` aborts. */
export function newSignal(): AbortSignal {
  return new AbortSignal(creating);
}

/** Aborts with a reason, by default an AbortError. */
export function abort(signal: AbortSignal, reason: unknown): void {
  if (signal._aborted) return;
  signal._aborted = true;
  signal._reason =
    reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
  const actions = signal._actions;
  signal._actions = [];
  for (const action of actions) action(signal._reason);
  signal.dispatchEvent(new Event('abort'));
}

/** Runs `action` when the signal aborts, at once if it has. Returns how to forget it. */
export function onAbort(signal: AbortSignal, action: (reason: unknown) => void): () => void {
  if (signal._aborted) {
    action(signal._reason);
    return () => {};
  }
  signal._actions.push(action);
  return () => {
    signal._actions = signal._actions.filter((other) => other !== action);
  };
}
