/** Errors of a stack as values. In: negative codes of abi's `errorCodes`. Out: an Error with code and name. */
import { errorCodes } from '@noos/abi';

export type ErrorName = keyof typeof errorCodes;

/** Name of a negative error code. */
export function errorName(code: number): ErrorName | 'EUNKNOWN' {
  const found = Object.entries(errorCodes).find(([, value]) => value === code);
  return found === undefined ? 'EUNKNOWN' : (found[0] as ErrorName);
}

export class StackError extends Error {
  readonly code: ErrorName | 'EUNKNOWN';
  constructor(code: number, what: string) {
    super(`${what}: ${errorName(code)}`);
    this.name = 'StackError';
    this.code = errorName(code);
  }
}
