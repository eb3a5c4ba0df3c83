/*
 * Frames over a Unix stream socket in QEMU's `-netdev stream` framing: 32-bit big-endian length, then the frame.
 *
 * In: a connected socket. Out: struct net_device without offloads; the virtio_net_hdr is cut off and put on here.
 * Many frames share one read and one write. May include: net.h, fail.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fail.h"
#include "net.h"

enum {
  length_bytes = 4,
  /* Largest frame QEMU sends (NET_BUFSIZE in its net/net.h). */
  max_frame_bytes = 4096 + 65536,
  input_bytes = 256 * 1024,
  /* Bounded queue: a full one refuses frames until the peer has read. */
  output_bytes = 512 * 1024,
};

static uint8_t input[input_bytes];
static uint32_t input_start, input_end;
static uint8_t output[output_bytes];
static uint32_t output_start, output_end;

static uint32_t load_length(const uint8_t *bytes) {
  uint32_t length;
  memcpy(&length, bytes, sizeof length);
  return __builtin_bswap32(length);
}

/* Length of the complete frame at the start of the input, or 0. */
static uint32_t complete_frame(void) {
  uint32_t held = input_end - input_start;
  if (held < length_bytes) return 0;
  uint32_t length = load_length(input + input_start);
  if (length == 0 || length > max_frame_bytes) {
    net_mark_gone();
    return 0;
  }
  return held - length_bytes >= length ? length : 0;
}

/* Reads once; false when nothing came. */
static bool fill(int fd) {
  if (input_start > 0) {
    memmove(input, input + input_start, input_end - input_start);
    input_end -= input_start;
    input_start = 0;
  }
  ssize_t count;
  do count = read(fd, input + input_end, input_bytes - input_end);
  while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno != EAGAIN)) net_mark_gone();
  if (count <= 0) return false;
  input_end += (uint32_t)count;
  return true;
}

static uint32_t stream_receive(int fd, uint8_t *frame, uint32_t capacity) {
  for (;;) {
    uint32_t length = complete_frame();
    if (length == 0) {
      if (net_gone() || !fill(fd)) return 0;
      continue;
    }
    const uint8_t *start = input + input_start + length_bytes;
    input_start += length_bytes + length;
    if (length + virtio_net_hdr_bytes > capacity) continue;
    memset(frame, 0, virtio_net_hdr_bytes);
    memcpy(frame + virtio_net_hdr_bytes, start, length);
    return length + virtio_net_hdr_bytes;
  }
}

static void stream_flush(int fd) {
  while (output_start < output_end) {
    ssize_t count = write(fd, output + output_start, output_end - output_start);
    if (count < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) net_mark_gone();
      return;
    }
    output_start += (uint32_t)count;
  }
  output_start = output_end = 0;
}

static uint32_t stream_transmit(int fd, const uint8_t *frame, uint32_t length) {
  frame += virtio_net_hdr_bytes;
  length -= virtio_net_hdr_bytes;
  if (length > max_frame_bytes) return 1;
  if (output_bytes - output_end < length + length_bytes) {
    stream_flush(fd);
    memmove(output, output + output_start, output_end - output_start);
    output_end -= output_start;
    output_start = 0;
    if (output_bytes - output_end < length + length_bytes) return 0;
  }
  uint32_t prefix = __builtin_bswap32(length);
  memcpy(output + output_end, &prefix, length_bytes);
  memcpy(output + output_end + length_bytes, frame, length);
  output_end += length_bytes + length;
  return 1;
}

static bool stream_wants_write(void) { return output_start < output_end; }

static const struct net_driver stream_driver = {stream_receive, stream_transmit, stream_flush, stream_wants_write};

/* Ethernet's MTU: what the other end of such a socket expects unless told otherwise. */
static const uint32_t stream_mtu_bytes = 1500;

struct net_device net_adopt_socket(int fd) {
  struct stat status;
  if (fstat(fd, &status) < 0 || !S_ISSOCK(status.st_mode)) fail(exit_failure, "--fd", "is not an inherited socket", 0);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) fail(exit_failure, "--fd", "cannot be used", errno);
  return (struct net_device){fd, &stream_driver, 0, stream_mtu_bytes};
}

struct net_device net_connect_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail(exit_usage, path, "the path of a socket has at most 107 bytes", 0);
  strcpy(address.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail(exit_failure, path, "no socket", errno);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
    fail(exit_failure, path, "no network listens at this socket", errno);
  return net_adopt_socket(fd);
}
