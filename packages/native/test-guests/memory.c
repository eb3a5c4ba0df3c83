/* Grows a memory until growth is refused, fills it, checks it; then an image page must be the file's, privately. Prints
 * how many MiB there were. Exit code 1: pages were shared, 2: a page was not zero, 3: growth never ended. */
#include "virtio.h"
#include "vm.h"

#define STEP_BYTES 0x10000ull

void guest_main(void) {
  uint64_t size = 0;
  while (region_extend(NOOS_LIBOS_BASE + size, STEP_BYTES))
    if ((size += STEP_BYTES) > NOOS_RESERVATION_BYTES / 2) power_off(3);
  for (uint64_t at = 0; at < size; at += VM_PAGE_BYTES) {
    volatile uint64_t *word = (volatile uint64_t *)(NOOS_LIBOS_BASE + at);
    if (*word != 0) power_off(2);
    *word = at ^ 0x5555;
  }
  for (uint64_t at = 0; at < size; at += VM_PAGE_BYTES)
    if (*(volatile uint64_t *)(NOOS_LIBOS_BASE + at) != (at ^ 0x5555)) power_off(1);
  char text[8] = "000 MiB\n";
  uint64_t mib = size >> 20;
  for (uint32_t i = 3; i-- > 0; mib /= 10) text[i] = (char)('0' + mib % 10);
  console_write(1, text, sizeof text);
  power_off(0);
}
