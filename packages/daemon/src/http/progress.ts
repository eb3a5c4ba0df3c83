/**
 * Progress messages of pull, push, load and build: one JSON object a line, flushed at once.
 *
 * In: messages. Out: the body of a reply. May import: errors, route, progress-text.
 */
import type { ServerResponse } from 'node:http';
import { describeError, sendError } from './errors.js';
import { progressText } from './progress-text.js';
import type { ProgressMessage, ProgressStream } from './route.js';

/** Adds what clients show that draw no bar themselves. */
function withText(message: ProgressMessage): ProgressMessage & { progress?: string } {
  const { current, total = 0 } = message.progressDetail ?? {};
  const progress = current === undefined ? undefined : progressText(current, total);
  if (progress === undefined) return message;
  const { id, ...rest } = message;
  return { ...rest, progress, ...(id !== undefined && { id }) };
}

/** The status is decided by the first message: 200, or that of the error when nothing was sent before. */
export function createProgress(response: ServerResponse): ProgressStream {
  const write = (message: ProgressMessage): void => {
    if (response.destroyed || response.writableEnded) return;
    if (!response.headersSent) {
      response.statusCode = 200;
      response.setHeader('Content-Type', 'application/json');
    }
    // Docker ends each message with CR LF (pkg/streamformatter).
    response.write(`${JSON.stringify(withText(message))}\r\n`);
  };
  return {
    write,
    fail(error) {
      if (!response.headersSent) {
        sendError(response, error);
        return;
      }
      const { message } = describeError(error);
      write({ errorDetail: { message }, error: message });
      response.end();
    },
    end() {
      if (!response.headersSent) {
        response.statusCode = 200;
        response.setHeader('Content-Type', 'application/json');
      }
      response.end();
    },
  };
}
