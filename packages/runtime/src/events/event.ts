/**
 * Event and CustomEvent (DOM §2.2).
 *
 * In: nothing. Out: the classes. Imports core/host for the time. Hand-written: `event-target-shim` and the polyfills
 * built on it are no longer kept up; without a tree of nodes little is left of the standard.
 */
import { host } from '../core/host.js';

export interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

export class Event {
  static readonly NONE = 0;
  static readonly CAPTURING_PHASE = 1;
  static readonly AT_TARGET = 2;
  static readonly BUBBLING_PHASE = 3;
  readonly type: string;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly timeStamp: number = host.monotonicMs();
  readonly isTrusted = false;
  target: unknown = null;
  currentTarget: unknown = null;
  eventPhase = 0;
  _canceled = false;
  _stopped = false;
  _stoppedNow = false;
  _passive = false;
  _dispatching = false;

  constructor(type: string, init?: EventInit | null) {
    if (type === undefined) throw new TypeError('Event: the type is missing');
    this.type = String(type);
    this.bubbles = Boolean(init?.bubbles);
    this.cancelable = Boolean(init?.cancelable);
    this.composed = Boolean(init?.composed);
  }

  get defaultPrevented(): boolean {
    return this._canceled;
  }

  get srcElement(): unknown {
    return this.target;
  }

  get returnValue(): boolean {
    return !this._canceled;
  }

  get cancelBubble(): boolean {
    return this._stopped;
  }

  set cancelBubble(value: boolean) {
    if (value) this._stopped = true;
  }

  composedPath(): unknown[] {
    return this._dispatching ? [this.currentTarget] : [];
  }

  preventDefault(): void {
    if (this.cancelable && !this._passive) this._canceled = true;
  }

  stopPropagation(): void {
    this._stopped = true;
  }

  stopImmediatePropagation(): void {
    this._stopped = true;
    this._stoppedNow = true;
  }

  get [Symbol.toStringTag](): string {
    return 'Event';
  }
}

export class CustomEvent extends Event {
  readonly detail: unknown;

  constructor(type: string, init?: (EventInit & { detail?: unknown }) | null) {
    super(type, init);
    this.detail = init?.detail ?? null;
  }

  override get [Symbol.toStringTag](): string {
    return 'CustomEvent';
  }
}
