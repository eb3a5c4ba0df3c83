/*
 * TAP device with offloads: the kernel's virtio_net_hdr is ours. One read or write a frame.
 *
 * In: the name of an existing device. Out: struct net_device. May include: net.h, fail.h, kernel headers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"
#include "net.h"
#include "noos_platform.h"

static uint32_t tap_receive(int fd, uint8_t *frame, uint32_t capacity) {
  for (;;) {
    ssize_t length = read(fd, frame, capacity);
    if (length < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) net_mark_gone();
      return 0;
    }
    /* The kernel cuts a frame that does not fit: drop it. */
    if (length > virtio_net_hdr_bytes && (uint32_t)length < capacity) return (uint32_t)length;
  }
}

static uint32_t tap_transmit(int fd, const uint8_t *frame, uint32_t length) {
  while (write(fd, frame, length) < 0) {
    if (errno == EAGAIN) return 0;
    /* Anything else concerns this frame (EINVAL) or an interface that is down (EIO): lost as on a wire. */
    if (errno != EINTR) break;
  }
  return 1;
}

static void tap_flush(int fd) { (void)fd; }

static bool tap_wants_write(void) { return false; }

static const struct net_driver tap_driver = {tap_receive, tap_transmit, tap_flush, tap_wants_write};

struct net_device net_open_tap(const char *name) {
  struct ifreq request = {0};
  if (strlen(name) >= sizeof request.ifr_name) fail(exit_usage, name, "the name of a device has at most 15 characters", 0);
  strcpy(request.ifr_name, name);
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) fail(exit_failure, name, "no socket to ask for its MTU", errno);
  if (ioctl(control, SIOCGIFMTU, &request) < 0)
    fail(exit_failure, name, "no such TAP device: create it with `ip tuntap add dev NAME mode tap vnet_hdr`", errno);
  uint32_t mtu_bytes = (uint32_t)request.ifr_mtu;
  close(control);

  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) fail(exit_failure, "/dev/net/tun", "cannot be opened; run as root or use --socket", errno);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(fd, TUNSETIFF, &request) < 0)
    fail(exit_failure, name, errno == EBUSY ? "is in use by another process" : "cannot be attached; run as root or as its owner",
         errno);
  int header = virtio_net_hdr_bytes;
  unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4;
  if (ioctl(fd, TUNSETVNETHDRSZ, &header) < 0 || ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
    fail(exit_failure, name, "has no virtio_net_hdr or offloads", errno);
  return (struct net_device){fd, &tap_driver,
                             NOOS_NET_FEATURE_CSUM | NOOS_NET_FEATURE_GUEST_CSUM | NOOS_NET_FEATURE_GUEST_TSO4 |
                                 NOOS_NET_FEATURE_HOST_TSO4,
                             mtu_bytes};
}
