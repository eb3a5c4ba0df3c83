/* Does the forbidden thing that the command line names (try=…); each must end in a panic that says where. */
#include "virtio.h"
#include "vm.h"

static const char constant[16] = "constant";
static char data[16] = {(char)0xc3}; /* ret */

static bool asked(const char *what) {
  struct option option;
  uint32_t position = 0;
  while (option_next(&position, &option))
    if (memcmp(option.key, "try", 3) == 0 && memcmp(option.value, what, option.value_length) == 0) return true;
  return false;
}

static void write_to(uint64_t address) { *(volatile char *)address = 1; }
static void read_from(uint64_t address) { (void)*(volatile char *)address; }

__attribute__((noinline)) static uint32_t recurse(uint32_t depth) {
  volatile char frame[512];
  frame[0] = (char)depth;
  if (depth == UINT32_MAX) return 0;
  return recurse(depth + 1) + (uint32_t)frame[0];
}

void guest_main(void) {
  if (asked("write-text")) write_to((uint64_t)guest_main);
  if (asked("write-text-directly")) write_to((uint64_t)physical((uint64_t)guest_main));
  if (asked("write-constant")) write_to((uint64_t)constant);
  if (asked("execute-data")) ((void (*)(void))data)();
  if (asked("execute-stack")) {
    char code[16] = {(char)0xc3};
    ((void (*)(void))code)();
  }
  if (asked("null")) read_from(0);
  if (asked("low-memory")) write_to(0x7c00);
  if (asked("beyond-memory")) {
    if (!region_extend(NOOS_ENGINE_BASE, 0x10000)) panic("no memory");
    write_to(NOOS_ENGINE_BASE + 0xffff);
    read_from(NOOS_ENGINE_BASE + 0x10000);
  }
  if (asked("beyond-reservation")) read_from(NOOS_LIBOS_BASE + 0x1ffffffffull);
  if (asked("stack-overflow")) recurse(0);
  if (asked("divide")) {
    volatile int zero = 0;
    zero = 7 / zero;
  }
  if (asked("panic")) panic("asked for");
  power_off(0);
}
