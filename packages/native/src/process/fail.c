/* Error exit before start. In: texts. Out: a line on standard error. May include: libc. */
#include "fail.h"

#include <stdio.h>
#include <unistd.h>
#include <string.h>

_Noreturn void fail(int code, const char *what, const char *why, int number) {
  if (number == 0)
    fprintf(stderr, "runtime-process: %s: %s\n", what, why);
  else
    fprintf(stderr, "runtime-process: %s: %s: %s\n", what, why, strerror(number));
  _exit(code);
}
