/**
 * EventTarget (DOM §2.7), for objects without a tree.
 *
 * In: listeners and events. Out: the class. Imports core/report, events/event.
 */
import { reportError } from '../core/report.js';
import type { Event } from './event.js';

type Callback = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };

interface Listener {
  callback: Callback;
  capture: boolean;
  once: boolean;
  passive: boolean;
  removed: boolean;
}

export interface ListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: { aborted: boolean; addEventListener(type: string, callback: () => void): void };
}

export class EventTarget {
  _listeners: Map<string, Listener[]> | undefined;

  addEventListener(type: string, callback: Callback | null, options?: ListenerOptions | boolean): void {
    const given = typeof options === 'object' && options !== null ? options : { capture: Boolean(options) };
    if (callback === null || callback === undefined || given.signal?.aborted === true) return;
    if (typeof callback !== 'function' && typeof callback !== 'object')
      throw new TypeError('addEventListener: the listener must be a function or an object');
    const listener: Listener = {
      callback,
      capture: Boolean(given.capture),
      once: Boolean(given.once),
      passive: Boolean(given.passive),
      removed: false,
    };
    this._listeners ??= new Map();
    const list = this._listeners.get(type) ?? [];
    if (list.some((other) => other.callback === callback && other.capture === listener.capture)) return;
    // A new list, so that a dispatch in progress does not see it.
    this._listeners.set(type, [...list, listener]);
    given.signal?.addEventListener('abort', () => this.removeEventListener(type, callback, listener.capture));
  }

  removeEventListener(type: string, callback: Callback | null, options?: ListenerOptions | boolean): void {
    const capture = Boolean(typeof options === 'object' && options !== null ? options.capture : options);
    const list = this._listeners?.get(type);
    const listener = list?.find((other) => other.callback === callback && other.capture === capture);
    if (list === undefined || listener === undefined) return;
    listener.removed = true;
    this._listeners!.set(
      type,
      list.filter((other) => other !== listener),
    );
  }

  dispatchEvent(event: Event): boolean {
    if (event._dispatching)
      throw new DOMException('The event is already being dispatched', 'InvalidStateError');
    event._dispatching = true;
    event.target = this;
    event.currentTarget = this;
    event.eventPhase = 2;
    for (const listener of this._listeners?.get(event.type) ?? []) {
      if (listener.removed) continue;
      if (event._stoppedNow) break;
      if (listener.once) this.removeEventListener(event.type, listener.callback, listener.capture);
      event._passive = listener.passive;
      try {
        if (typeof listener.callback === 'function') listener.callback.call(this, event);
        else listener.callback.handleEvent(event);
      } catch (error) {
        reportError(error, `a listener of ${event.type}`);
      }
      event._passive = false;
    }
    event._dispatching = false;
    event._stopped = false;
    event._stoppedNow = false;
    event.currentTarget = null;
    event.eventPhase = 0;
    return !event._canceled;
  }

  get [Symbol.toStringTag](): string {
    return 'EventTarget';
  }
}
