/* Maps a page of the image over one already touched: it must read as the file. Then grows a memory until growth is
 * refused, fills it and checks it. Prints how many MiB there were. Exit code 1: pages were shared, 2: a page was not
 * zero, 3: growth never ended, 4: the image is not where it was mapped. */
#include "virtio.h"
#include "vm.h"

#define STEP_BYTES 0x10000ull

static void map_image(void) {
  volatile uint8_t *page = (volatile uint8_t *)NOOS_ENGINE_BASE;
  if (!region_extend(NOOS_ENGINE_BASE, STEP_BYTES)) power_off(4);
  page[0] = 1;
  region_map(NOOS_ENGINE_BASE, start_information.image.start + VM_PAGE_BYTES, VM_PAGE_BYTES);
  for (uint32_t i = 0; i < VM_PAGE_BYTES; i++)
    if (page[i] != (uint8_t)(i * 3)) power_off(4);
  page[0] = 2;
  if (page[0] != 2) power_off(4);
}

void guest_main(void) {
  map_image();
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
