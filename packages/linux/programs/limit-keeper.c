// limit-keeper SOFT HARD PROGRAM [ARGUMENT…]
//
// Runs PROGRAM (`runc exec`) and gives the process that it prepares its limit of open files. runc 1.1 sets the limit from
// outside while Go's runtime (1.19) in that process raises the soft limit to the hard one: the later of both wins. So all
// that PROGRAM starts is traced (ptrace(2)), and the limit is set where the process has replaced runc by the container's
// program, which has run no instruction yet. Ends as PROGRAM does: with its code, 128 + signal when it was killed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIGNAL_BASE = 128, FAILED = 1, USAGE = 2, NOT_EXECUTED = 127 };
enum { FOLLOWED = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

static int code_of(int status) { return WIFSIGNALED(status) ? SIGNAL_BASE + WTERMSIG(status) : WEXITSTATUS(status); }

// The process that a thread of runc's last stage belongs to (`runc:[2:INIT]`, libcontainer/nsenter/nsexec.c); 0 for others.
static pid_t prepared_by(pid_t thread) {
  char path[64], status[256];
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t length = read(file, status, sizeof status - 1);
  close(file);
  status[length > 0 ? length : 0] = '\0';
  static const char name[] = "Name:\trunc:[2:INIT]\n";
  if (strncmp(status, name, sizeof name - 1) != 0) return 0;
  const char *process = strstr(status, "\nTgid:\t");
  return process == NULL ? 0 : (pid_t)strtol(process + strlen("\nTgid:\t"), NULL, 10);
}

// Reads the owner of `process` (proc(5), status: real, effective, saved and file system ID). False when they differ.
static bool owner_of(pid_t process, uid_t *user, gid_t *group) {
  char path[64], status[1024];
  snprintf(path, sizeof path, "/proc/%d/status", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  ssize_t length = read(file, status, sizeof status - 1);
  close(file);
  status[length > 0 ? length : 0] = '\0';
  unsigned ids[6];
  const char *users = strstr(status, "\nUid:"), *groups = strstr(status, "\nGid:");
  if (users == NULL || groups == NULL) return false;
  if (sscanf(users, "\nUid: %u %u %u", &ids[0], &ids[1], &ids[2]) != 3) return false;
  if (sscanf(groups, "\nGid: %u %u %u", &ids[3], &ids[4], &ids[5]) != 3) return false;
  *user = ids[0], *group = ids[3];
  return ids[0] == ids[1] && ids[1] == ids[2] && ids[3] == ids[4] && ids[4] == ids[5];
}

// Sets the limit. Without CAP_SYS_RESOURCE only the owner of a process may: then a child becomes that owner first.
static void set_limit(pid_t process, const struct rlimit *limit) {
  uid_t user;
  gid_t group;
  if (prlimit(process, RLIMIT_NOFILE, limit, NULL) == 0 || errno != EPERM) return;
  if (!owner_of(process, &user, &group)) return;
  pid_t child = fork();
  if (child == 0) {
    bool owner = setresgid(group, group, group) == 0 && setresuid(user, user, user) == 0;
    _exit(owner && prlimit(process, RLIMIT_NOFILE, limit, NULL) == 0 ? 0 : FAILED);
  }
  if (child > 0) waitpid(child, NULL, 0);
}

// Starts PROGRAM once it is traced. Where tracing is forbidden it runs all the same, with runc's own setting.
static pid_t start(char **arguments) {
  int gate[2];
  if (pipe2(gate, O_CLOEXEC) != 0) return -1;
  pid_t program = fork();
  if (program == 0) {
    char byte;
    close(gate[1]);
    while (read(gate[0], &byte, 1) < 0 && errno == EINTR) continue;
    execv(arguments[0], arguments);
    _exit(NOT_EXECUTED);
  }
  if (program > 0) ptrace(PTRACE_SEIZE, program, 0, FOLLOWED);
  close(gate[0]);
  close(gate[1]);
  return program;
}

static void resume(pid_t thread, int status) {
  int event = status >> 16, signal = WSTOPSIG(status);
  // A group-stop lasts until SIGCONT; other events have no signal to deliver.
  if (event == PTRACE_EVENT_STOP && signal != SIGTRAP) ptrace(PTRACE_LISTEN, thread, 0, 0);
  else ptrace(PTRACE_CONT, thread, 0, event == 0 ? signal : 0);
}

int main(int count, char **arguments) {
  if (count < 4) return USAGE;
  struct rlimit limit = {.rlim_cur = strtoull(arguments[1], NULL, 10), .rlim_max = strtoull(arguments[2], NULL, 10)};
  pid_t program = start(arguments + 3);
  if (program < 0) return FAILED;
  pid_t prepared = 0;
  int code = -1;
  // PROGRAM may end first: it sees its descriptors closed before the process stops in its execve(2).
  for (bool waiting = false; code < 0 || waiting;) {
    int status;
    pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0) return FAILED;
    if (!WIFSTOPPED(status)) {
      if (thread == program) code = code_of(status);
      if (thread == prepared) waiting = false;
      continue;
    }
    int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && thread == prepared) {
      set_limit(thread, &limit);
      ptrace(PTRACE_DETACH, thread, 0, 0);
      waiting = false;
      continue;
    }
    // Go starts threads before it runs anything of runc's.
    if (event == PTRACE_EVENT_CLONE && prepared == 0) waiting = (prepared = prepared_by(thread)) != 0;
    resume(thread, status);
  }
  return code;
}
