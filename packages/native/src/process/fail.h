/* Ends the process before the unikernel has started: one line on standard error, exit code 1 (2 for wrong use). */
#ifndef NOOS_FAIL_H
#define NOOS_FAIL_H

enum { exit_failure = 1, exit_usage = 2, exit_panic = 134 };

/* `what: why` and, when `number` is not 0, the text of that errno. */
_Noreturn void fail(int code, const char *what, const char *why, int number);

#endif
