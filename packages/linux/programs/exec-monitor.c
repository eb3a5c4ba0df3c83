// exec-monitor PIDFILE PROGRAM [ARGUMENT…]
//
// Runs PROGRAM (`runc exec --detach`), which leaves a process behind and writes its number to PIDFILE; becomes that
// orphan's parent and waits for it. Says on descriptor 3, one line each: {"data":<pid>} or {"data":-1} when PROGRAM
// failed, then {"data":<exit code>}, 128 + signal for a killed process.
//
// exec-monitor --x32 ends with 0 when the kernel has the x32 system calls. A program of its own asks: a filter may kill it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { X32_SYSCALL_BIT = 0x40000000 };
enum { REPORT_FD = 3, ORPHANS = 64, SIGNAL_BASE = 128 };

static void report(long value) { dprintf(REPORT_FD, "{\"data\":%ld}\n", value); }

static int code_of(int status) { return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status); }

static long read_pid(const char *path) {
  char text[32] = {0};
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 ? strtol(text, NULL, 10) : -1;
}

static bool has_x32(void) {
#ifdef __x86_64__
  return syscall(X32_SYSCALL_BIT + SYS_getpid) > 0;
#else
  return false;
#endif
}

int main(int count, char **arguments) {
  // What ended before PROGRAM did: the process it leaves behind may be quick.
  struct { pid_t pid; int status; } ended[ORPHANS];
  int ended_count = 0;
  if (count == 2 && strcmp(arguments[1], "--x32") == 0) return has_x32() ? 0 : 1;
  if (count < 3) return 2;
  fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return 1;
  pid_t program = vfork();
  if (program < 0) return 1;
  if (program == 0) {
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  // Not before: PROGRAM would hand it down.
  signal(SIGPIPE, SIG_IGN);
  // The streams are the process's alone: whoever reads them must see their end.
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < REPORT_FD; fd++) dup2(null, fd);
  pid_t orphan = 0;
  for (;;) {
    int status;
    pid_t pid = wait(&status);
    if (pid < 0) return 1;
    if (pid == program) {
      orphan = status == 0 ? (pid_t)read_pid(arguments[1]) : -1;
      report(orphan);
      if (orphan <= 0) return 1;
      for (int i = 0; i < ended_count; i++)
        if (ended[i].pid == orphan) {
          report(code_of(ended[i].status));
          return 0;
        }
    } else if (pid == orphan) {
      report(code_of(status));
      return 0;
    } else if (orphan == 0 && ended_count < ORPHANS) {
      ended[ended_count].pid = pid;
      ended[ended_count++].status = status;
    }
  }
}
