/* Sends every frame back with source and destination address exchanged; a frame of type 0x88b6 ends it. */
#include "noos_platform.h"
#include "virtio.h"
#include "vm.h"

#define HEADER_BYTES 12
static uint8_t frame[65562 + HEADER_BYTES];

void guest_main(void) {
  struct net_properties properties = net_properties(0);
  console_write(1, (const char *)properties.mac, 6);
  for (;;) {
    uint32_t length;
    while ((length = noos_net_receive(0, frame, sizeof frame)) > 0) {
      uint8_t *ethernet = frame + HEADER_BYTES, destination[6];
      if (ethernet[12] == 0x88 && ethernet[13] == 0xb6) power_off(0);
      memcpy(destination, ethernet, 6);
      memcpy(ethernet, ethernet + 6, 6);
      memcpy(ethernet + 6, destination, 6);
      memset(frame, 0, HEADER_BYTES);
      while (noos_net_transmit(0, frame, length) == 0) net_flush();
    }
    net_flush();
    if (net_events(true) == 0) clock_idle(UINT64_MAX);
  }
}
