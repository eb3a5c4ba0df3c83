/* Writes 4 MiB to a console that nobody reads and powers off: output is dropped, the unikernel does not wait. */
#include "virtio.h"
#include "vm.h"

void guest_main(void) {
  static char text[65536];
  memset(text, '.', sizeof text);
  for (uint32_t i = 0; i < 64; i++) console_write(1, text, sizeof text);
  power_off(3);
}
