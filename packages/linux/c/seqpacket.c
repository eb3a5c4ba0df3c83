// A SOCK_SEQPACKET connection as a stream that Node can read: each packet goes up with its length before it.
// One thread a connection copies both ways; it ends when either side has closed.
#include "linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { UP_BYTES = 65536, DOWN_BYTES = 8192, LENGTH_BYTES = 4, STACK_BYTES = 65536 };

struct pump {
  int packets, stream;
  bool stream_ended;
  size_t up_offset, up_length, down_length;
  char up[LENGTH_BYTES + UP_BYTES], down[DOWN_BYTES];
};

// A packet from the container's side; false when the connection is of no more use.
static bool receive_packet(struct pump *pump) {
  ssize_t length = recv(pump->packets, pump->up + LENGTH_BYTES, UP_BYTES, MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  if (length == 0) {
    shutdown(pump->stream, SHUT_WR);
    return false;
  }
  uint32_t prefix = htonl((uint32_t)length);
  memcpy(pump->up, &prefix, LENGTH_BYTES);
  pump->up_offset = 0;
  pump->up_length = LENGTH_BYTES + (size_t)length;
  return true;
}

static bool send_up(struct pump *pump) {
  ssize_t sent =
      send(pump->stream, pump->up + pump->up_offset, pump->up_length - pump->up_offset, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  pump->up_offset += (size_t)sent;
  if (pump->up_offset == pump->up_length) pump->up_length = 0;
  return true;
}

static bool receive_input(struct pump *pump) {
  ssize_t length = recv(pump->stream, pump->down, DOWN_BYTES, MSG_DONTWAIT);
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  if (length == 0) {
    pump->stream_ended = true;
    shutdown(pump->packets, SHUT_WR);
  }
  pump->down_length = (size_t)length;
  return true;
}

static bool send_down(struct pump *pump) {
  if (send(pump->packets, pump->down, pump->down_length, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    pump->down_length = 0;
    return true;
  }
  if (errno == EAGAIN || errno == EINTR) return true;
  // Nobody reads input any more; output may still come.
  pump->stream_ended = true;
  pump->down_length = 0;
  return true;
}

static bool step(struct pump *pump) {
  struct pollfd ends[2] = {{.fd = pump->packets}, {.fd = pump->stream}};
  if (pump->up_length == 0) ends[0].events |= POLLIN;
  if (pump->down_length > 0) ends[0].events |= POLLOUT;
  if (pump->up_length > 0) ends[1].events |= POLLOUT;
  if (pump->down_length == 0 && !pump->stream_ended) ends[1].events |= POLLIN;
  // POLLHUP of a half that waits on the other would make this loop spin: look only at what is asked for.
  if (ends[0].events == 0) ends[0].fd = -1;
  if (ends[1].events == 0 && pump->down_length > 0) ends[1].fd = -1;
  if (poll(ends, 2, -1) < 0) return errno == EINTR;
  if (pump->up_length > 0 && (ends[1].revents & (POLLOUT | POLLERR)) && !send_up(pump)) return false;
  if (pump->down_length > 0 && (ends[0].revents & (POLLOUT | POLLERR)) && !send_down(pump)) return false;
  if ((ends[1].events & POLLIN) && (ends[1].revents & (POLLIN | POLLHUP)) && !receive_input(pump)) return false;
  if (pump->stream_ended && pump->down_length == 0 && (ends[1].revents & POLLHUP)) return false;
  if ((ends[0].events & POLLIN) && (ends[0].revents & (POLLIN | POLLHUP | POLLERR)) && !receive_packet(pump))
    return false;
  return true;
}

static void *run_pump(void *argument) {
  struct pump *pump = argument;
  while (step(pump)) continue;
  // Unread input at close would reach the reader as ECONNRESET after the last output.
  while (recv(pump->stream, pump->down, DOWN_BYTES, MSG_DONTWAIT) > 0) continue;
  close(pump->packets);
  close(pump->stream);
  free(pump);
  return NULL;
}

static napi_value js_connect_seqpacket(napi_env env, napi_callback_info info) {
  napi_value arguments[1], value;
  char path[PATH_BYTES];
  if (!take_arguments(env, info, 1, arguments) || !take_string(env, arguments[0], path)) return NULL;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct failure failure = {0};
  int pair[2] = {-1, -1};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    failure = failed("connect", path);
    return throw_failure(env, &failure);
  }
  strcpy(address.sun_path, path);
  int packets = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  if (packets < 0)
    failure = failed("socket", path);
  else if (connect(packets, (struct sockaddr *)&address, sizeof address) != 0)
    failure = failed("connect", path);
  else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    failure = failed("socketpair", path);
  struct pump *pump = failure.error == 0 ? allocate(sizeof *pump) : NULL;
  if (pump != NULL) {
    pump->packets = packets;
    pump->stream = pair[1];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_t thread;
    errno = pthread_create(&thread, &attributes, run_pump, pump);
    if (errno != 0) failure = failed("pthread_create", path);
    pthread_attr_destroy(&attributes);
  }
  if (failure.error != 0) {
    if (packets >= 0) close(packets);
    if (pair[0] >= 0) close(pair[0]);
    if (pair[1] >= 0) close(pair[1]);
    free(pump);
    return throw_failure(env, &failure);
  }
  napi_create_int32(env, pair[0], &value);
  return value;
}

void define_seqpacket(napi_env env, napi_value exports) { define(env, exports, "connectSeqpacket", js_connect_seqpacket); }
