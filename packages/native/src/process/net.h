/*
 * The one network device: frames over a TAP device or a Unix stream socket.
 *
 * In: a file descriptor. Out: noos_net_receive and noos_net_transmit of the platform interface, and what the turn
 * loop needs to poll. May include: noos_platform.h, fail.h.
 */
#ifndef NOOS_NET_H
#define NOOS_NET_H

#include <stdbool.h>
#include <stdint.h>

/* virtio 1.2 §5.1.6, with num_buffers. */
enum { virtio_net_hdr_bytes = 12 };

/* One kind of transport. `receive` and `transmit` are the platform's functions without the device number. */
struct net_driver {
  uint32_t (*receive)(int fd, uint8_t *frame, uint32_t capacity);
  uint32_t (*transmit)(int fd, const uint8_t *frame, uint32_t length);
  /* Writes out what `transmit` collected; called after every turn. */
  void (*flush)(int fd);
  /* True while bytes or a refused frame wait for the descriptor to become writable. */
  bool (*wants_write)(void);
};

struct net_device {
  int fd;
  const struct net_driver *driver;
  /* NOOS_NET_FEATURE_* that the transport offers. */
  uint32_t features;
  uint32_t mtu_bytes;
};

/* Attaches to an existing TAP device; ends the process with a reason when that fails. */
struct net_device net_open_tap(const char *name);

/* Connects to a Unix stream socket (path), or takes a connected one (fd); ends the process when that fails. */
struct net_device net_connect_socket(const char *path);
struct net_device net_adopt_socket(int fd);

/* Makes `device` the platform's device 0. */
void net_install(struct net_device device);

/* poll(2) events to wait for; 0 when there is no device or it has gone. */
short net_poll_events(void);
int net_fd(void);
/* Takes poll's answer and returns turn events. */
uint32_t net_turn_events(short revents);
/* The peer or device has gone: nothing will be received or sent any more. */
void net_mark_gone(void);
bool net_gone(void);
/* False when the last turn left frames unread: the next must come at once. */
bool net_drained(void);
void net_flush(void);

#endif
