/* Waits, halted, for the host's `stop` and powers off with the exit code 7. */
#include "virtio.h"
#include "vm.h"

void guest_main(void) {
  char line[VM_PAGE_BYTES];
  console_write(1, "waiting\n", 8);
  for (;;) {
    uint32_t length = console_control_read(line, sizeof line);
    if (length == 5 && memcmp(line, "stop\n", 5) == 0) power_off(7);
    if (!console_pending(true)) clock_idle(UINT64_MAX);
  }
}
