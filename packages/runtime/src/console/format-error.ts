/**
 * Errors as text, with the stack in terms of the application's TypeScript sources.
 *
 * In: an error and the engine's stack text. Out: text as Node prints it. Imports console.
 */
import { inspect, setErrorFormatter } from './inspect.js';
import { mapStack } from './source-map.js';

/** `Name: message`, the mapped stack below it, then its causes. */
function errorText(error: Error): string {
  let head: string;
  try {
    head = error.message === '' ? error.name : `${error.name}: ${error.message}`;
  } catch {
    head = 'Error';
  }
  const stack = typeof error.stack === 'string' ? mapStack(error.stack) : '';
  let text = stack === '' ? head : `${head}\n${stack}`;
  if (error.cause !== undefined) text += `\n  [cause]: ${inspect(error.cause).replaceAll('\n', '\n  ')}`;
  if (error instanceof AggregateError)
    text += `\n  [errors]: ${inspect(error.errors).replaceAll('\n', '\n  ')}`;
  return text;
}

setErrorFormatter(errorText);

/** Text of anything thrown. */
export function formatError(error: unknown): string {
  return inspect(error);
}
