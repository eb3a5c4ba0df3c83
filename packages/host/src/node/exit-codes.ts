/** How a unikernel on target `node` ends when it does not say so itself. May import: nothing. */

/** After a panic: that of SIGABRT in a shell. */
export const panicExitCode = 134;
