/* Confinement: descriptors, file system, capabilities, system calls; see confine.h. */
#define _GNU_SOURCE
#include "confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fail.h"
#include "memory_map.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int by_number(const void *left, const void *right) { return *(const int *)left - *(const int *)right; }

/* Closes everything above standard error except what `rights` name. */
static void close_others(const struct rights *rights) {
  int kept[2 * max_confined_fds], count = 0;
  for (int i = 0; i < rights->stream_count; i++) kept[count++] = rights->stream_fds[i];
  for (int i = 0; i < rights->disk_count; i++) kept[count++] = rights->disk_fds[i];
  qsort(kept, (size_t)count, sizeof kept[0], by_number);
  unsigned first = STDERR_FILENO + 1;
  for (int i = 0; i <= count; i++) {
    unsigned last = i < count ? (unsigned)kept[i] - 1 : ~0u;
    if (i < count && kept[i] < (int)first) continue;
    if (first <= last && syscall(SYS_close_range, first, last, 0) < 0) {
      if (errno != ENOSYS) fail(exit_failure, "confinement", "descriptors cannot be closed", errno);
      for (unsigned fd = first; fd <= last && fd < 1024; fd++) close((int)fd);
    }
    first = last + 2;
  }
}

/*
 * An empty root where that is permitted: /proc/self/fdinfo has nothing to open but descriptors' positions. Without
 * the right (not root, no user namespaces) the filter below still allows no call that takes a path.
 */
static void leave_file_system(void) {
  if (chroot("/proc/self/fdinfo") == 0 && chdir("/") < 0) fail(exit_failure, "confinement", "chdir", errno);
}

/* Growing a memory is an allowed call, and 16 GiB are reserved: the kernel refuses what the image was not given. */
static void limit_memory(const struct rights *rights) {
  struct rlimit limit = {rights->data_bytes, rights->data_bytes};
  if (setrlimit(RLIMIT_DATA, &limit) < 0) fail(exit_failure, "confinement", "memory cannot be bounded", errno);
}

static void drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {0};
  if (syscall(SYS_capset, &header, none) < 0) fail(exit_failure, "confinement", "capabilities cannot be dropped", errno);
}

/* The filter as it grows; its jumps lead within one rule, so that rules can follow each other. */
static struct sock_filter filter[256];
static unsigned short filter_length;

static void emit(uint16_t code, uint32_t operand, uint8_t when_true, uint8_t when_false) {
  if (filter_length == sizeof filter / sizeof filter[0]) fail(exit_failure, "confinement", "filter too long", 0);
  filter[filter_length++] = (struct sock_filter){code, when_true, when_false, operand};
}

static void load(uint32_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0); }
static void answer(uint32_t action) { emit(BPF_RET | BPF_K, action, 0, 0); }
static void skip_unless(uint16_t comparison, uint32_t value, uint8_t skipped) {
  emit(BPF_JMP | comparison | BPF_K, value, 0, skipped);
}

#define ARGUMENT_LOW(n) ((uint32_t)offsetof(struct seccomp_data, args[n]))
#define ARGUMENT_HIGH(n) (ARGUMENT_LOW(n) + 4)

/* Allows a call whatever its arguments. */
static void allow(int call) {
  load(offsetof(struct seccomp_data, nr));
  skip_unless(BPF_JEQ, (uint32_t)call, 1);
  answer(SECCOMP_RET_ALLOW);
}

/* Allows a call whose first argument is one of the descriptors. */
static void allow_on(int call, const int *fds, int count) {
  if (count == 0) return;
  load(offsetof(struct seccomp_data, nr));
  skip_unless(BPF_JEQ, (uint32_t)call, (uint8_t)(1 + 2 * count));
  load(ARGUMENT_LOW(0));
  for (int i = 0; i < count; i++) {
    skip_unless(BPF_JEQ, (uint32_t)fds[i], 1);
    answer(SECCOMP_RET_ALLOW);
  }
}

/*
 * Allows a call with exactly this third argument on addresses from the engine's base to the end of libos's reservation.
 * The runtime's own text and read-only data lie below.
 */
static void allow_on_memories(int call, uint32_t argument) {
  load(offsetof(struct seccomp_data, nr));
  skip_unless(BPF_JEQ, (uint32_t)call, 8);
  load(ARGUMENT_LOW(2));
  skip_unless(BPF_JEQ, argument, 6);
  load(ARGUMENT_HIGH(0));
  emit(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)(NOOS_LIBOS_BASE >> 32) + 1, 4, 0);
  emit(BPF_JMP | BPF_JGT | BPF_K, 0, 2, 0);
  load(ARGUMENT_LOW(0));
  skip_unless(BPF_JGE, (uint32_t)NOOS_ENGINE_BASE, 1);
  answer(SECCOMP_RET_ALLOW);
}

static void install_filter(const struct rights *rights) {
  static const int console[] = {STDOUT_FILENO, STDERR_FILENO};
  load(offsetof(struct seccomp_data, arch));
  emit(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
  answer(SECCOMP_RET_KILL_PROCESS);
  allow_on(SYS_read, rights->stream_fds, rights->stream_count);
  allow_on(SYS_write, rights->stream_fds, rights->stream_count);
  allow(SYS_ppoll);
  allow_on(SYS_write, console, 2);
  /* The vDSO falls back to the call when the clock source needs it. */
  allow(SYS_clock_gettime);
  allow(SYS_getrandom);
  /* A memory grows, readable and writable: nothing can become executable anywhere. And it gives pages back. */
  allow_on_memories(SYS_mprotect, PROT_READ | PROT_WRITE);
  allow_on_memories(SYS_madvise, MADV_DONTNEED);
  allow(SYS_rt_sigreturn);
  allow(SYS_restart_syscall);
  allow(SYS_exit_group);
  allow_on(SYS_pread64, rights->disk_fds, rights->disk_count);
  allow_on(SYS_pwrite64, rights->disk_fds, rights->disk_count);
  allow_on(SYS_fdatasync, rights->disk_fds, rights->disk_count);
  answer(SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {filter_length, filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
    fail(exit_failure, "confinement", "no system call filter; the kernel needs CONFIG_SECCOMP_FILTER", errno);
}

void confine(const struct rights *rights) {
  close_others(rights);
  limit_memory(rights);
  leave_file_system();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail(exit_failure, "confinement", "no_new_privs", errno);
  drop_capabilities();
  install_filter(rights);
}
