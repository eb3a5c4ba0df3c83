/* Error exit before start. In: texts. Out: a line on standard error. May include: libc. */
#define _GNU_SOURCE
#include "fail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Noreturn void fail(int code, const char *what, const char *why, int number) {
  if (number == 0)
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, why);
  else
    fprintf(stderr, "%s: %s: %s: %s\n", program_invocation_short_name, what, why, strerror(number));
  _exit(code);
}
