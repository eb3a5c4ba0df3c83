/* Device 0 over whatever driver was installed. In: calls of libos, poll's answers. May include: net.h, noos_platform.h. */
#include "net.h"

#include <poll.h>

#include "noos_platform.h"

static struct net_device device = {.fd = -1};
static bool gone;
/* A frame was refused: the unikernel waits for transmitReady. */
static bool refused;
/* The last net_receive found nothing; else frames may wait that poll does not know of. */
static bool drained = true;

void net_install(struct net_device installed) { device = installed; }

int net_fd(void) { return device.fd; }

void net_mark_gone(void) { gone = true; }

bool net_gone(void) { return gone; }

short net_poll_events(void) {
  if (device.fd < 0 || gone) return 0;
  return (short)(POLLIN | (refused || device.driver->wants_write() ? POLLOUT : 0));
}

uint32_t net_turn_events(short revents) {
  if (revents == 0) return 0;
  /* Without POLLIN nothing is left to be read before the end. */
  if ((revents & (POLLERR | POLLHUP | POLLNVAL)) && !(revents & POLLIN)) net_mark_gone();
  uint32_t events = revents & POLLIN ? NOOS_EVENT_RECEIVE_READY : 0;
  if (revents & POLLOUT) {
    device.driver->flush(device.fd);
    if (refused && !device.driver->wants_write()) {
      refused = false;
      events |= NOOS_EVENT_TRANSMIT_READY;
    }
  }
  return events;
}

bool net_drained(void) { return drained; }

void net_flush(void) {
  if (device.fd >= 0 && !gone) device.driver->flush(device.fd);
}

uint32_t noos_net_receive(uint32_t number, uint8_t *frame, uint32_t capacity) {
  if (number != 0 || device.fd < 0 || gone) return 0;
  uint32_t length = device.driver->receive(device.fd, frame, capacity);
  drained = length == 0;
  return length;
}

uint32_t noos_net_transmit(uint32_t number, const uint8_t *frame, uint32_t length) {
  if (number != 0 || device.fd < 0 || gone || length <= virtio_net_hdr_bytes) return 1;
  if (device.driver->transmit(device.fd, frame, length) != 0) return 1;
  refused = true;
  return 0;
}
