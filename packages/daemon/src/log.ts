/**
 * Structured logs: one JSON object a line, or text for a terminal. Never logs environment, credentials or bodies.
 *
 * May import: pino.
 */
import { type Logger, pino } from 'pino';

export type { Logger };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** A logger to standard error; every area takes a child with its own `area` field. */
export const createLogger = (level: LogLevel): Logger =>
  pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
