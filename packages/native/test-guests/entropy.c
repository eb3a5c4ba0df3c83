/* Prints 64 random bytes in hexadecimal. */
#include "virtio.h"
#include "vm.h"

void guest_main(void) {
  uint8_t bytes[64];
  char text[129];
  random_read(bytes, sizeof bytes);
  for (uint32_t i = 0; i < sizeof bytes; i++) {
    text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
    text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
  }
  text[128] = '\n';
  console_write(1, text, sizeof text);
  power_off(0);
}
