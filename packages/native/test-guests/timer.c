/* Sleeps to deadlines and reports by how much it was late (microseconds), then idles for 600 ms. */
#include "virtio.h"
#include "vm.h"

static void print_number(const char *name, uint64_t value) {
  char line[64];
  uint32_t at = sizeof line;
  line[--at] = '\n';
  do line[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  console_write(1, name, (uint32_t)text_length(name));
  console_write(1, line + at, sizeof line - at);
}

static uint64_t sleep_until(uint64_t deadline_ns) {
  while (clock_monotonic_ns() < deadline_ns) clock_idle(deadline_ns);
  return clock_monotonic_ns();
}

void guest_main(void) {
  static const uint64_t waits_ns[] = {100000, 1000000, 10000000, 50000000};
  for (uint32_t i = 0; i < sizeof waits_ns / sizeof waits_ns[0]; i++) {
    uint64_t deadline = clock_monotonic_ns() + waits_ns[i];
    print_number("late_us ", (sleep_until(deadline) - deadline) / 1000);
  }
  print_number("wall_ms ", clock_wall_ns() / 1000000);
  console_write(1, "idle\n", 5);
  sleep_until(clock_monotonic_ns() + 600000000);
  console_write(1, "awake\n", 6);
  power_off(0);
}
