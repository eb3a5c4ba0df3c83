/*
 * noos-tap: joins a TAP device to a Unix stream socket in QEMU's `-netdev stream` framing, for stacks that cannot open
 * a TAP device themselves (the node target, tests).
 *
 * In: a TAP device's name, a socket. Out: every frame to the other side, checksums complete, no larger than the MTU.
 * May include: the network drivers of src/process.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "fail.h"
#include "net.h"

enum { frame_bytes = 12 + 65536 + 18 };

/* Frames from `from` to `to`; one that `to` refuses waits here and holds `from` back. */
struct direction {
  struct net_device from, to;
  uint8_t frame[frame_bytes];
  uint32_t waiting;
};

static struct direction outward, inward;

static void move(struct direction *way) {
  for (;;) {
    if (way->waiting == 0) way->waiting = way->from.driver->receive(way->from.fd, way->frame, frame_bytes);
    if (way->waiting == 0 || way->to.driver->transmit(way->to.fd, way->frame, way->waiting) == 0) return;
    way->waiting = 0;
  }
}

/* Reading stops while a frame waits for the other side; writing is asked for only then. */
static short wanted(const struct direction *reads, const struct direction *writes) {
  bool writing = writes->waiting != 0 || writes->to.driver->wants_write();
  return (short)((reads->waiting == 0 ? POLLIN : 0) | (writing ? POLLOUT : 0));
}

int main(int argc, char **argv) {
  bool adopts = argc == 5 && strcmp(argv[3], "--fd") == 0;
  if ((argc != 4 && !adopts) || strcmp(argv[1], "--tap") != 0 || argv[2][0] == '\0') {
    fprintf(argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr,
            "usage: noos-tap --tap NAME SOCKET | noos-tap --tap NAME --fd N\n"
            "Joins the TAP device NAME to the Unix stream socket at path SOCKET or inherited as N, frames after a 32-bit big-endian length.\n"
            "Ends with 0 when the socket is closed.\n");
    return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : exit_usage;
  }
  struct net_device tap = net_open_tap(argv[2]);
  if (ioctl(tap.fd, TUNSETOFFLOAD, 0UL) < 0) fail(exit_failure, argv[2], "keeps its offloads", errno);
  struct net_device stream = adopts ? net_adopt_socket(atoi(argv[4])) : net_connect_socket(argv[3]);
  outward = (struct direction){.from = tap, .to = stream};
  inward = (struct direction){.from = stream, .to = tap};
  while (!net_gone()) {
    struct pollfd polled[2] = {{tap.fd, wanted(&outward, &inward), 0}, {stream.fd, wanted(&inward, &outward), 0}};
    if (poll(polled, 2, -1) < 0 && errno != EINTR) fail(exit_failure, "poll", "failed", errno);
    stream.driver->flush(stream.fd);
    move(&outward);
    move(&inward);
    stream.driver->flush(stream.fd);
  }
  return 0;
}
