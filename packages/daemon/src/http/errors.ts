/**
 * Errors as replies: a status and `{"message": …}`.
 *
 * In: whatever a handler threw. Out: bytes. May import: errors.
 */
import type { ServerResponse } from 'node:http';
import { DaemonError } from '../errors.js';

/** Status and text of an error; what is not a DaemonError is a 500 with its own message. */
export const describeError = (error: unknown): { status: number; message: string } =>
  error instanceof DaemonError
    ? { status: error.status, message: error.message }
    : { status: 500, message: error instanceof Error ? error.message : String(error) };

/** Sends the error; when the reply has begun there is nothing left but to cut it. */
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { status, message } = describeError(error);
  response.statusCode = status;
  if (status === 304) {
    response.end();
    return;
  }
  const body = Buffer.from(`${JSON.stringify({ message })}\n`);
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', body.length);
  response.end(body);
}
