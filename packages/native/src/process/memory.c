/* Reservations, pages, stack and faults; see memory.h. */
#define _GNU_SOURCE
#include "memory.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "fail.h"
#include "unikernel.h"

enum {
  /* Worst case measured (nested eval, nested JSON.parse): see docs/target-process.md. Untouched pages cost nothing. */
  stack_bytes = 64 << 20,
  guard_bytes = 1 << 16,
  fault_stack_bytes = 16384,
};

static int image_fd = -1;
/* End of libos's pages that are the image file's. */
static uint8_t *stored_end = (uint8_t *)NOOS_LIBOS_BASE;
static uint8_t *stack;
static uint8_t fault_stack[fault_stack_bytes];

static void reserve(uint64_t base, const char *name) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
  if (mmap((void *)base, NOOS_RESERVATION_BYTES, PROT_NONE, flags, -1, 0) != (void *)base)
    fail(exit_failure, name, "8 GiB of addresses cannot be reserved; is the address space limited (ulimit -v)?", errno);
}

void memory_reserve(int fd) {
  image_fd = fd;
  reserve(NOOS_ENGINE_BASE, "engine memory");
  reserve(NOOS_LIBOS_BASE, "libos memory");
}

bool noos_memory_commit(uint8_t *address, uint64_t bytes) {
  return mprotect(address, bytes, PROT_READ | PROT_WRITE) == 0;
}

bool noos_pages_place(uint8_t *address, uint64_t offset, uint64_t bytes) {
  int flags = MAP_PRIVATE | MAP_FIXED;
  if (address >= stored_end) stored_end = address + bytes;
  return mmap(address, bytes, PROT_READ | PROT_WRITE, flags, image_fd, (off_t)offset) == address;
}

void noos_memory_release(uint8_t *pages, uint32_t length) {
  uint8_t *end = pages + length;
  /* A stored page that is dropped would come back with the file's content, not with zeros. */
  uint8_t *first = pages > stored_end ? pages : stored_end;
  first = (uint8_t *)(((uintptr_t)first + NOOS_IMAGE_PAGE_BYTES - 1) & ~(uintptr_t)(NOOS_IMAGE_PAGE_BYTES - 1));
  uint8_t *last = (uint8_t *)((uintptr_t)end & ~(uintptr_t)(NOOS_IMAGE_PAGE_BYTES - 1));
  if (first >= last) {
    memset(pages, 0, length);
    return;
  }
  memset(pages, 0, (size_t)(first - pages));
  memset(last, 0, (size_t)(end - last));
  if (madvise(first, (size_t)(last - first), MADV_DONTNEED) < 0) memset(first, 0, (size_t)(last - first));
}

static void write_all(const char *text, size_t length) {
  while (length > 0) {
    ssize_t count = write(STDERR_FILENO, text, length);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text += count, length -= (size_t)count;
  }
}

_Noreturn static void panic(const char *reason, size_t length) {
  write_all("panic: ", 7);
  write_all(reason, length);
  write_all("\n", 1);
  _exit(exit_panic);
}

void noos_fault(const char *reason) { panic(reason, strlen(reason)); }

void noos_panic(const uint8_t *message, uint32_t length) { panic((const char *)message, length); }

static void on_fault(int number, siginfo_t *info, void *context) {
  uint64_t address = (uint64_t)info->si_addr;
  uint64_t instruction = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
  const char *memory = noos_memory_name(address);
  char text[160];
  int length;
  if (address - (uint64_t)stack < guard_bytes)
    length = snprintf(text, sizeof text, "native stack overflow (%d MiB)", stack_bytes >> 20);
  else if (memory != NULL)
    length = snprintf(text, sizeof text, "access outside %s, at its address 0x%llx", memory,
                      (unsigned long long)(address - (*memory == 'e' ? NOOS_ENGINE_BASE : NOOS_LIBOS_BASE)));
  else
    length = snprintf(text, sizeof text, "signal %d at address 0x%llx", number, (unsigned long long)address);
  length += snprintf(text + length, sizeof text - (size_t)length, ", instruction 0x%llx", (unsigned long long)instruction);
  panic(text, (size_t)length);
}

void memory_watch_faults(void) {
  stack_t alternate = {.ss_sp = fault_stack, .ss_size = sizeof fault_stack};
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
  sigemptyset(&action.sa_mask);
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  if (sigaltstack(&alternate, NULL) < 0) fail(exit_failure, "fault stack", "sigaltstack", errno);
  for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, NULL);
}

void memory_run_on_stack(void (*body)(void)) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK;
  stack = mmap(NULL, guard_bytes + stack_bytes, PROT_NONE, flags, -1, 0);
  if (stack == MAP_FAILED || mprotect(stack + guard_bytes, stack_bytes, PROT_READ | PROT_WRITE) < 0)
    fail(exit_failure, "native stack", "cannot be mapped", errno);
  __asm__ volatile("mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tcall *%1\n\tud2"
                   :
                   : "r"(stack + guard_bytes + stack_bytes), "r"(body)
                   : "memory");
  __builtin_unreachable();
}
