/*
 * Makes system calls and prints what comes of each: `name OK` or `name EPERM`.
 *
 * Most arguments are nonsense that the kernel refuses with another error than EPERM once a filter lets the call through,
 * so that EPERM is the filter's word; where the kernel asks for a capability first, the caller has to give it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *nowhere = "/nowhere/at/all";

static void say(const char *name, long result) {
  printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "OK");
  fflush(stdout);
}

/* A call that changes the process is made by a child. */
static void in_child(const char *name, int number, long flags) {
  pid_t child = fork();
  if (child == 0) {
    say(name, syscall(number, flags));
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void raw_clone(const char *name, unsigned long flags) {
  long child = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  say(name, child);
  if (child > 0) waitpid((pid_t)child, NULL, 0);
}

static void *nothing(void *argument) { return argument; }

static void ordinary(void) {
  pthread_t thread;
  int failed = pthread_create(&thread, NULL, nothing, NULL);
  if (failed == 0) pthread_join(thread, NULL);
  errno = failed;
  say("thread", failed == 0 ? 0 : -1);
  raw_clone("clone", 0);
  say("process_vm_readv", syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0));
  say("personality", personality(0xffffffff));
  say("socket_unix", socket(AF_UNIX, SOCK_STREAM, 0));
  say("socket_inet6", socket(AF_INET6, SOCK_STREAM, 0));
  FILE *file = fopen("/tmp/owned", "w");
  if (file != NULL) fclose(file);
  say("chown", chown("/tmp/owned", 1, 1));
  say("mknod", mknod("/tmp/fifo", S_IFIFO | 0600, 0));
  say("chroot", chroot("/tmp"));
}

int main(void) {
  in_child("unshare_user", SYS_unshare, CLONE_NEWUSER);
  in_child("unshare_nonsense", SYS_unshare, 1);
  raw_clone("clone_user", CLONE_NEWUSER);
  raw_clone("clone_net", CLONE_NEWNET | CLONE_NEWUSER);
  say("clone3", syscall(SYS_clone3, NULL, 0));
  say("setns", syscall(SYS_setns, -1, 0));
  say("mount", syscall(SYS_mount, "x", nowhere, "tmpfs", 0, NULL));
  say("umount2", syscall(SYS_umount2, nowhere, 0));
  say("move_mount", syscall(SYS_move_mount, -1, "", -1, "", ~0u));
  say("fsopen", syscall(SYS_fsopen, NULL, ~0u));
  say("open_tree", syscall(SYS_open_tree, -1, "", ~0u));
  say("pivot_root", syscall(SYS_pivot_root, nowhere, nowhere));
  say("keyctl", syscall(SYS_keyctl, 9999, 0, 0, 0, 0));
  say("add_key", syscall(SYS_add_key, NULL, NULL, NULL, 0, 0));
  say("get_mempolicy", syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0));
  say("pidfd_getfd", syscall(SYS_pidfd_getfd, -1, -1, 0));
  say("syslog", syscall(SYS_syslog, 9999, NULL, 0));
  say("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
  say("open_by_handle_at", syscall(SYS_open_by_handle_at, -1, NULL, 0));
  say("bpf", syscall(SYS_bpf, -1, NULL, 0));
  say("io_uring_setup", syscall(SYS_io_uring_setup, 0, NULL));
  in_child("personality_fixed_addresses", SYS_personality, ADDR_NO_RANDOMIZE);
  say("socket_vsock", syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0));
  say("socket_vsock_wide", syscall(SYS_socket, 0x100000000 + AF_VSOCK, SOCK_STREAM, 0));
  say("socket_alg", syscall(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0));
  ordinary();
  return 0;
}
