// Netlink requests from inside a network namespace: what ip, nft and conntrack do, without a process.
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 65536, SOCKET_BYTES = 1 << 24, TIMEOUT_S = 30, STACK_BYTES = 65536 };

struct netlink_job {
  char path[PATH_BYTES];
  long long protocol, requests;
  // Owned by the caller until the promise settles.
  unsigned char *request, *reply;
  size_t request_length, reply_length;
};

static struct failure refused(int error, uint32_t sequence) {
  char which[32];
  errno = error;
  snprintf(which, sizeof which, "message %u", sequence);
  return failed("netlink", which);
}

// Reads until every request was acknowledged. Messages other than acknowledgements go to the reply, after its length.
static struct failure collect(int descriptor, struct netlink_job *job) {
  unsigned char *buffer = allocate(RECEIVE_BYTES);
  struct failure result = {0};
  size_t filled = sizeof(uint32_t);
  for (long long waiting = job->requests; waiting > 0;) {
    ssize_t length = recv(descriptor, buffer, RECEIVE_BYTES, 0);
    if (length < 0) {
      if (errno == EINTR) continue;
      result = failed("recv", "netlink");
      break;
    }
    // Signed: NLMSG_NEXT goes below zero behind a last message without padding.
    int left = (int)length;
    for (struct nlmsghdr *header = (void *)buffer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *status = NLMSG_DATA(header);
        waiting--;
        if (status->error != 0 && result.error == 0) result = refused(-status->error, header->nlmsg_seq);
      } else if (header->nlmsg_type == NLMSG_DONE) {
        // A dump that failed half way says so here.
        int status = 0;
        if (header->nlmsg_len >= NLMSG_LENGTH(sizeof status)) memcpy(&status, NLMSG_DATA(header), sizeof status);
        waiting--;
        if (status < 0 && result.error == 0) result = refused(-status, header->nlmsg_seq);
      } else if (filled + NLMSG_ALIGN(header->nlmsg_len) > job->reply_length) {
        if (result.error == 0) result = refused(EMSGSIZE, header->nlmsg_seq);
      } else {
        memcpy(job->reply + filled, header, header->nlmsg_len);
        filled += NLMSG_ALIGN(header->nlmsg_len);
      }
    }
  }
  uint32_t reply_length = (uint32_t)(filled - sizeof(uint32_t));
  memcpy(job->reply, &reply_length, sizeof reply_length);
  free(buffer);
  return result;
}

static struct failure do_exchange(void *argument) {
  struct netlink_job *job = argument;
  if (job->path[0] != '\0') {
    int namespace = open(job->path, O_RDONLY | O_CLOEXEC);
    if (namespace < 0) return failed("open", job->path);
    int entered = setns(namespace, CLONE_NEWNET);
    struct failure result = entered == 0 ? (struct failure){0} : failed("setns", job->path);
    close(namespace);
    if (entered != 0) return result;
  }
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)job->protocol);
  if (descriptor < 0) return failed("socket", "netlink");
  struct timeval patience = {.tv_sec = TIMEOUT_S};
  setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Many requests at once, whose acknowledgements all lie there before the first is read; the memory is not reserved.
  int room = SOCKET_BYTES;
  setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  struct failure result =
      sendto(descriptor, job->request, job->request_length, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0
          ? failed("send", "netlink")
          : collect(descriptor, job);
  close(descriptor);
  return result;
}

static struct failure exchange_work(void *argument) { return on_thread(do_exchange, argument); }

static napi_value js_exchange_netlink(napi_env env, napi_callback_info info) {
  napi_value arguments[5];
  if (!take_arguments(env, info, 5, arguments)) return NULL;
  struct netlink_job *job = allocate(sizeof *job);
  void *request, *reply;
  if (take_string(env, arguments[0], job->path) && take_integer(env, arguments[1], &job->protocol) &&
      take_integer(env, arguments[2], &job->requests)) {
    if (napi_get_buffer_info(env, arguments[3], &request, &job->request_length) == napi_ok &&
        napi_get_buffer_info(env, arguments[4], &reply, &job->reply_length) == napi_ok &&
        job->reply_length >= sizeof(uint32_t)) {
      job->request = request;
      job->reply = reply;
      return promise_of(env, exchange_work, job);
    }
    napi_throw_type_error(env, NULL, "a buffer was expected");
  }
  free(job);
  return NULL;
}

struct watch {
  int netlink, stream;
  unsigned char buffer[RECEIVE_BYTES];
};

// Copies what the kernel multicasts into the stream until its other end is closed.
static void *run_watch(void *argument) {
  struct watch *watch = argument;
  unsigned char *buffer = watch->buffer;
  struct pollfd files[] = {{.fd = watch->netlink, .events = POLLIN}, {.fd = watch->stream, .events = POLLIN}};
  for (;;) {
    if (poll(files, 2, -1) < 0 && errno != EINTR) break;
    if (files[1].revents != 0) break;
    ssize_t length = recv(watch->netlink, buffer, RECEIVE_BYTES, MSG_DONTWAIT);
    if (length < 0 && errno == ENOBUFS) {
      // Messages were lost: an empty one tells that everything may have changed.
      struct nlmsghdr overrun = {.nlmsg_len = sizeof overrun, .nlmsg_type = NLMSG_OVERRUN};
      memcpy(buffer, &overrun, sizeof overrun);
      length = sizeof overrun;
    }
    for (ssize_t sent = 0; sent < length;) {
      ssize_t now = send(watch->stream, buffer + sent, (size_t)(length - sent), MSG_NOSIGNAL);
      if (now >= 0)
        sent += now;
      else if (errno != EINTR)
        break;
    }
  }
  close(watch->netlink);
  close(watch->stream);
  free(watch);
  return NULL;
}

static napi_value js_watch_netlink(napi_env env, napi_callback_info info) {
  napi_value arguments[2], value = NULL;
  long long protocol, group;
  if (!take_arguments(env, info, 2, arguments) || !take_integer(env, arguments[0], &protocol) ||
      !take_integer(env, arguments[1], &group))
    return NULL;
  int pair[2];
  int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, (int)protocol);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  int number = (int)group;
  struct failure failure = {0};
  if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0 ||
      setsockopt(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &number, sizeof number) != 0 ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    failure = failed("socket", "netlink");
    if (descriptor >= 0) close(descriptor);
    return throw_failure(env, &failure);
  }
  struct watch *watch = allocate(sizeof *watch);
  watch->netlink = descriptor;
  watch->stream = pair[1];
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  errno = pthread_create(&thread, &attributes, run_watch, watch);
  pthread_attr_destroy(&attributes);
  if (errno != 0) {
    failure = failed("pthread_create", "netlink");
    close(descriptor);
    close(pair[0]);
    close(pair[1]);
    free(watch);
    return throw_failure(env, &failure);
  }
  napi_create_int32(env, pair[0], &value);
  return value;
}

void define_netlink(napi_env env, napi_value exports) {
  define(env, exports, "exchangeNetlink", js_exchange_netlink);
  define(env, exports, "watchNetlink", js_watch_netlink);
}
