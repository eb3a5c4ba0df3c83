/** The COMMAND column: arguments with blanks in single quotes (moby, daemon/list.go). May import: nothing. */
export const humanCommand = (path: string, commandArguments: readonly string[]): string =>
  [path, ...commandArguments.map((text) => (text.includes(' ') ? `'${text}'` : text))].join(' ');
