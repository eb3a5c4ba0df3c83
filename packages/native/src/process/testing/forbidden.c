/*
 * For the test of confinement: gives up all rights as runtime-process does, then acts as an attacker would who runs
 * code of his own in it.
 *
 * In: a call's name. Out: exit code 0 when it was allowed; the kernel's SIGSYS otherwise. With `every call` it makes
 * each call of the kernel's table once and prints the numbers of those that did not kill. May include: confine.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "memory_map.h"

static int stream, disk, left_open;
static char page[8192] __attribute__((aligned(4096)));

#define CALL(name, ...) \
  if (strcmp(call, name) == 0) return syscall(__VA_ARGS__)

static long make_call(const char *call) {
  CALL("open", SYS_open, "/etc/passwd", O_RDONLY);
  CALL("openat", SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
  CALL("stat", SYS_stat, "/", page);
  CALL("unlink", SYS_unlink, "/tmp/x");
  CALL("socket", SYS_socket, AF_INET, SOCK_STREAM, 0);
  CALL("connect", SYS_connect, stream, page, 16);
  CALL("sendmsg", SYS_sendmsg, stream, page, 0);
  CALL("execve", SYS_execve, "/bin/true", NULL, NULL);
  CALL("fork", SYS_fork);
  CALL("clone", SYS_clone, SIGCHLD, 0, 0, 0, 0);
  CALL("clone3", SYS_clone3, page, 64);
  CALL("ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
  CALL("kill", SYS_kill, 1, 0);
  CALL("mmap", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CALL("mmap data", SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CALL("mprotect executable", SYS_mprotect, NOOS_ENGINE_BASE, 4096, PROT_READ | PROT_EXEC);
  CALL("mprotect writable executable", SYS_mprotect, NOOS_ENGINE_BASE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  CALL("mprotect below the memories", SYS_mprotect, page, 4096, PROT_READ | PROT_WRITE);
  CALL("mprotect above the memories", SYS_mprotect, 0x7f0000000000, 4096, PROT_READ | PROT_WRITE);
  CALL("madvise elsewhere", SYS_madvise, page, 4096, MADV_DONTNEED);
  CALL("madvise otherwise", SYS_madvise, NOOS_LIBOS_BASE, 4096, MADV_MERGEABLE);
  CALL("write elsewhere", SYS_write, left_open, "x", 1);
  CALL("read standard input", SYS_read, 0, page, 1);
  CALL("write disk position", SYS_write, disk, "x", 1);
  CALL("pread of the network", SYS_pread64, stream, page, 1, 0);
  CALL("ioctl", SYS_ioctl, stream, 0, 0);
  CALL("fcntl", SYS_fcntl, stream, F_SETFL, 0);
  CALL("dup", SYS_dup, stream);
  CALL("prctl", SYS_prctl, 4, 1, 0, 0, 0);
  CALL("seccomp", SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
  CALL("unshare", SYS_unshare, CLONE_NEWUSER);
  CALL("setuid", SYS_setuid, 0);
  CALL("x32 write", 0x40000000 | SYS_write, 1, "x", 1);
  /* What the runtime needs. */
  CALL("write console", SYS_write, 1, "console\n", 8);
  CALL("write network", SYS_write, stream, "12345678", 8);
  CALL("pwrite disk", SYS_pwrite64, disk, "x", 1, 0);
  CALL("getrandom", SYS_getrandom, page, 16, 0);
  CALL("grow engine", SYS_mprotect, NOOS_ENGINE_BASE + 0x100000000, 4096, PROT_READ | PROT_WRITE);
  /* Allowed and refused: more than the process was given. */
  CALL("grow beyond the limit", SYS_mprotect, NOOS_ENGINE_BASE, 1 << 30, PROT_READ | PROT_WRITE);
  CALL("release pages", SYS_madvise, NOOS_LIBOS_BASE, 4096, MADV_DONTNEED);
  CALL("grow libos", SYS_mprotect, NOOS_LIBOS_BASE, 4096, PROT_READ | PROT_WRITE);
  return -1;
}

/* The 32-bit entry has other numbers for its calls: the filter must know them apart (here 1 is exit). */
static long call_32_bit_exit(void) {
  long result = 1;
  __asm__ volatile("int $0x80" : "+a"(result) : "b"(0) : "memory");
  return result;
}

enum {
  /* Above the highest number of Linux 6.18 (file_setattr, 469). */
  calls_end = 600,
  x32_bit = 0x40000000,
};

/*
 * Makes every call, each in a confined child of its own, with arguments that name nothing: what the filter allows on
 * certain descriptors or addresses only is killed as well.
 */
static int print_allowed(const struct rights *rights) {
  for (unsigned abi = 0; abi <= x32_bit; abi += x32_bit)
    for (unsigned number = 0; number < calls_end; number++) {
      pid_t child = fork();
      if (child < 0) return 2;
      if (child == 0) {
        confine(rights);
        syscall(abi | number, -1, -1, -1, -1, -1, -1);
        _exit(0);
      }
      int status;
      if (waitpid(child, &status, 0) != child) return 2;
      if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS) printf("%u\n", abi | number);
    }
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  stream = eventfd(0, EFD_NONBLOCK);
  disk = memfd_create("disk", 0);
  left_open = memfd_create("left open", 0);
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  mmap((void *)NOOS_ENGINE_BASE, NOOS_RESERVATION_BYTES, PROT_NONE, flags, -1, 0);
  mmap((void *)NOOS_LIBOS_BASE, NOOS_RESERVATION_BYTES, PROT_NONE, flags, -1, 0);
  struct rights rights = {.stream_fds = {stream}, .stream_count = 1, .disk_fds = {disk}, .disk_count = 1,
                          .data_bytes = 256 << 20};
  if (strcmp(argv[1], "32-bit exit without a filter") == 0) return (int)call_32_bit_exit();
  if (strcmp(argv[1], "every call") == 0) return print_allowed(&rights);
  confine(&rights);
  long result = strcmp(argv[1], "32-bit exit") == 0 ? call_32_bit_exit() : make_call(argv[1]);
  _exit(result < 0 ? 1 : 0);
}
