/* Boots, says so on both streams and powers off with the exit code 42. */
#include "virtio.h"
#include "vm.h"

void guest_main(void) {
  console_write(1, "out\n", 4);
  console_write(2, "error\n", 6);
  power_off(42);
}
