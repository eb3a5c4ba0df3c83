/** What happened, as `GET /events` tells it (API: SystemEvents). May import: nothing. */

export type EventType = 'container' | 'image' | 'volume' | 'network' | 'daemon' | 'plugin' | 'builder';

export interface Actor {
  /** Object's full ID, or the image's reference, or the volume's name. */
  ID: string;
  /** `name`, `image`, `exitCode`, `signal`, `container`, labels, … */
  Attributes: Record<string, string>;
}

/** Every area publishes here; the API streams, filters and remembers the last 256. */
export interface EventSink {
  publish(type: EventType, action: string, actor: Actor): void;
}

export interface DaemonEvent {
  Type: EventType;
  Action: string;
  Actor: Actor;
  scope: 'local';
  /** Unix seconds. */
  time: number;
  /** Unix nanoseconds; above 2^53, so written as digits by the API. */
  timeNano: bigint;
}
