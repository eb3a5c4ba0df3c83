/* Writes two sectors, flushes, reads them back; refusals have their codes. The exit code is the number of the failed
 * step, 0 for none. Device 1 is read-only. */
#include "noos_platform.h"
#include "virtio.h"
#include "vm.h"

static uint8_t written[1024], read[1024];

static uint64_t completion(void) {
  for (;;) {
    uint64_t done = noos_block_complete(0, read, sizeof read);
    if (done != UINT64_MAX) return done;
    if (block_events(true) == 0) clock_idle(UINT64_MAX);
  }
}

void guest_main(void) {
  for (uint32_t i = 0; i < sizeof written; i++) written[i] = (uint8_t)(i * 7);
  if (noos_block_submit(0, 1, 11, 3, 0, written, sizeof written) != 0 || completion() != 11) power_off(1);
  if (noos_block_submit(0, 2, 12, 0, 0, NULL, 0) != 0 || completion() != 12) power_off(2);
  if (noos_block_submit(0, 0, 13, 3, 2, NULL, 0) != 0 || completion() != 13) power_off(3);
  if (memcmp(read, written, sizeof read) != 0) power_off(4);
  if (noos_block_submit(9, 0, 1, 0, 1, NULL, 0) != 2) power_off(5);
  if (noos_block_submit(0, 0, 1, 1ull << 40, 1, NULL, 0) != 3) power_off(6);
  if (noos_block_submit(1, 1, 1, 0, 0, written, 512) != 4) power_off(7);
  power_off(0);
}
