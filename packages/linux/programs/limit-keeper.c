// limit-keeper SOFT HARD CGROUP_PROCS
//
// Keeps the limit of open files of processes that runc is still preparing, until standard input is closed. runc 1.1 sets
// the limit of an exec's process from outside while Go's runtime (1.19) in it raises the soft limit to the hard one: the
// later of both wins. What it prepares is in the control group, as `runc:[2:INIT]`, for some milliseconds more.
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_NS = 300000 };

static const char preparing[] = "runc:[2:INIT]\n";

// The file's content as a string; 0 when it cannot be read.
static size_t read_text(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  size_t filled = 0;
  ssize_t length;
  while (filled < size - 1 && (length = read(file, text + filled, size - 1 - filled)) > 0) filled += (size_t)length;
  close(file);
  text[filled] = '\0';
  return filled;
}

static void keep(pid_t pid, const struct rlimit *limit) {
  char path[64], name[32];
  struct rlimit now;
  snprintf(path, sizeof path, "/proc/%d/comm", pid);
  if (read_text(path, name, sizeof name) == 0 || strcmp(name, preparing) != 0) return;
  if (prlimit(pid, RLIMIT_NOFILE, NULL, &now) != 0 || now.rlim_cur == limit->rlim_cur) return;
  prlimit(pid, RLIMIT_NOFILE, limit, NULL);
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  struct rlimit limit = {.rlim_cur = strtoull(arguments[1], NULL, 10), .rlim_max = strtoull(arguments[2], NULL, 10)};
  static char pids[1 << 16];
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  struct timespec pause = {.tv_nsec = PAUSE_NS};
  while (ppoll(&input, 1, &pause, NULL) == 0) {
    if (read_text(arguments[3], pids, sizeof pids) == 0) continue;
    for (char *at = pids, *end; *at != '\0'; at = *end == '\n' ? end + 1 : end) {
      long pid = strtol(at, &end, 10);
      if (end == at) break;
      keep((pid_t)pid, &limit);
    }
  }
  return 0;
}
