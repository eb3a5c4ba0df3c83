// A datagram socket whose answers leave in the turn of the event loop that the question came in, from the address that
// was asked. Node's own takes two turns of its queues, a look-up of the address and 64 KiB of memory for each datagram,
// and does not know the address.
#include "linux.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// libuv as Node exports it (its ABI is stable within 1.x); its header does not come with Node-API's.
typedef struct uv_handle_s uv_handle_t;
enum { UV_POLL = 8, UV_READABLE = 1 };
size_t uv_handle_size(int type);
const char *uv_handle_type_name(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
int uv_poll_init(struct uv_loop_s *loop, uv_handle_t *handle, int descriptor);
int uv_poll_start(uv_handle_t *handle, int events, void (*callback)(uv_handle_t *, int status, int events));
void uv_close(uv_handle_t *handle, void (*callback)(uv_handle_t *));
int uv_backend_fd(const struct uv_loop_s *loop);
uint64_t uv_hrtime(void);

// Datagrams that are served before other events have their turn.
enum { BURST = 32, DATAGRAM_BYTES = 65536 };
// Who asked again this soon after an answer is likely to do so once more, and is waited for awake: waking a processor
// that has gone to sleep takes longer than the answer.
enum { PROMPT_NS = 120000, AWAKE_NS = 60000 };

// `descriptor` is -1 once it was closed.
struct datagrams {
  napi_env env;
  napi_ref serve, itself;
  napi_async_context context;
  uv_handle_t *handle;
  int descriptor, loop_descriptor;
  uint64_t answered_ns;
};

static unsigned char received[DATAGRAM_BYTES];

// Who sent a datagram, and the address it came to; all zero bits where the socket is bound to one. JavaScript has these
// bytes as the characters of a string.
struct peer {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } sender;
  union {
    struct in_pktinfo four;
    struct in6_pktinfo six;
  } asked;
};

union control {
  struct cmsghdr aligned;
  char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

// A socket bound to every address learns which one a datagram came to (ip(7), ipv6(7)).
static void learn_addresses(int descriptor) {
  struct peer self = {0};
  socklen_t size = sizeof self.sender;
  int on = 1;
  if (getsockname(descriptor, &self.sender.any, &size) != 0) return;
  if (self.sender.any.sa_family == AF_INET && self.sender.four.sin_addr.s_addr == htonl(INADDR_ANY))
    setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (self.sender.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&self.sender.six.sin6_addr))
    setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
}

static void read_asked(struct msghdr *message, struct peer *peer) {
  for (struct cmsghdr *each = CMSG_FIRSTHDR(message); each != NULL; each = CMSG_NXTHDR(message, each))
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      memcpy(&peer->asked.four, CMSG_DATA(each), sizeof peer->asked.four);
      // The address of ours that a broadcast came to; routes choose the interface.
      peer->asked.four.ipi_ifindex = 0;
    } else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      memcpy(&peer->asked.six, CMSG_DATA(each), sizeof peer->asked.six);
      // Nothing is sent from a group's address; a link-local one belongs to its interface.
      if (IN6_IS_ADDR_MULTICAST(&peer->asked.six.ipi6_addr)) peer->asked.six.ipi6_addr = in6addr_any;
      if (!IN6_IS_ADDR_LINKLOCAL(&peer->asked.six.ipi6_addr)) peer->asked.six.ipi6_ifindex = 0;
    }
}

static ssize_t receive(int descriptor, struct peer *peer) {
  *peer = (struct peer){0};
  union control control;
  struct iovec vector = {.iov_base = received, .iov_len = sizeof received};
  struct msghdr message = {.msg_name = &peer->sender,
                           .msg_namelen = sizeof peer->sender,
                           .msg_iov = &vector,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  ssize_t length = recvmsg(descriptor, &message, MSG_DONTWAIT);
  if (length >= 0) read_asked(&message, peer);
  return length;
}

// A datagram that cannot be sent is lost, as datagrams may be.
static void send_bytes(struct datagrams *self, napi_value value, struct peer *peer) {
  struct iovec vector;
  if (self->descriptor < 0 || napi_get_buffer_info(self->env, value, &vector.iov_base, &vector.iov_len) != napi_ok)
    return;
  bool four = peer->sender.any.sa_family == AF_INET;
  size_t asked_bytes = four ? sizeof peer->asked.four : sizeof peer->asked.six;
  static const struct peer unknown;
  union control control = {0};
  control.aligned.cmsg_level = four ? IPPROTO_IP : IPPROTO_IPV6;
  control.aligned.cmsg_type = four ? IP_PKTINFO : IPV6_PKTINFO;
  control.aligned.cmsg_len = CMSG_LEN(asked_bytes);
  memcpy(CMSG_DATA(&control.aligned), &peer->asked, asked_bytes);
  struct msghdr message = {.msg_name = &peer->sender,
                           .msg_namelen = four ? sizeof peer->sender.four : sizeof peer->sender.six,
                           .msg_iov = &vector,
                           .msg_iovlen = 1};
  if (memcmp(&peer->asked, &unknown.asked, sizeof peer->asked) != 0) {
    message.msg_control = &control;
    message.msg_controllen = CMSG_SPACE(asked_bytes);
  }
  (void)!sendmsg(self->descriptor, &message, MSG_DONTWAIT);
}

static void serve(struct datagrams *self, size_t length, struct peer *peer) {
  napi_env env = self->env;
  napi_handle_scope scope;
  napi_value function, receiver, arguments[2], answer, error;
  napi_open_handle_scope(env, &scope);
  napi_create_buffer_copy(env, length, received, NULL, &arguments[0]);
  napi_create_string_latin1(env, (const char *)peer, sizeof *peer, &arguments[1]);
  napi_get_reference_value(env, self->serve, &function);
  napi_get_global(env, &receiver);
  bool is_buffer = false;
  if (napi_make_callback(env, self->context, receiver, function, 2, arguments, &answer) != napi_ok) {
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  } else if (napi_is_buffer(env, answer, &is_buffer) == napi_ok && is_buffer) {
    send_bytes(self, answer, peer);
  }
  napi_close_handle_scope(env, scope);
}

// Until any event of the loop is there, yielding to whoever else wants this processor.
static void stay_awake(int loop_descriptor, uint64_t until_ns) {
  struct pollfd loop = {.fd = loop_descriptor, .events = POLLIN};
  while (poll(&loop, 1, 0) == 0 && uv_hrtime() < until_ns) sched_yield();
}

static void readable(uv_handle_t *handle, int status, int events) {
  (void)events;
  struct datagrams *self = uv_handle_get_data(handle);
  bool prompt = uv_hrtime() - self->answered_ns < PROMPT_NS;
  for (int count = 0; status == 0 && count < BURST && self->descriptor >= 0; count++) {
    struct peer peer;
    ssize_t length = receive(self->descriptor, &peer);
    if (length >= 0)
      serve(self, (size_t)length, &peer);
    else if (errno != EINTR)
      break;
  }
  if (self->descriptor < 0) return;
  self->answered_ns = uv_hrtime();
  if (prompt) stay_awake(self->loop_descriptor, self->answered_ns + AWAKE_NS);
}

static void free_handle(uv_handle_t *handle) { free(handle); }

static void close_datagrams(void *argument) {
  struct datagrams *self = argument;
  if (self->descriptor < 0) return;
  uv_close(self->handle, free_handle);
  close(self->descriptor);
  self->descriptor = -1;
  napi_async_destroy(self->env, self->context);
  napi_delete_reference(self->env, self->serve);
  napi_delete_reference(self->env, self->itself);
  napi_remove_env_cleanup_hook(self->env, close_datagrams, self);
}

static void finalize(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

static struct failure open_poll(napi_env env, struct datagrams *self) {
  struct uv_loop_s *loop;
  napi_get_uv_event_loop(env, &loop);
  self->handle = allocate(uv_handle_size(UV_POLL));
  int status = uv_poll_init(loop, self->handle, self->descriptor);
  errno = -status;
  if (status != 0) {
    free(self->handle);
    return failed("uv_poll_init", "");
  }
  self->loop_descriptor = uv_backend_fd(loop);
  uv_handle_set_data(self->handle, self);
  uv_poll_start(self->handle, UV_READABLE, readable);
  return (struct failure){0};
}

static napi_value js_serve_datagrams(napi_env env, napi_callback_info info) {
  napi_value arguments[2], external, name;
  long long descriptor;
  if (!take_arguments(env, info, 2, arguments) || !take_integer(env, arguments[0], &descriptor)) return NULL;
  struct datagrams *self = allocate(sizeof *self);
  self->env = env;
  self->descriptor = (int)descriptor;
  struct failure failure = open_poll(env, self);
  if (failure.error != 0) {
    free(self);
    return throw_failure(env, &failure);
  }
  learn_addresses(self->descriptor);
  napi_create_string_utf8(env, "noos.datagrams", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &self->context);
  napi_create_reference(env, arguments[1], 1, &self->serve);
  napi_create_external(env, self, finalize, NULL, &external);
  napi_create_reference(env, external, 1, &self->itself);
  napi_add_env_cleanup_hook(env, close_datagrams, self);
  return external;
}

static napi_value js_socket_port(napi_env env, napi_callback_info info) {
  napi_value arguments[1], value;
  long long descriptor;
  if (!take_arguments(env, info, 1, arguments) || !take_integer(env, arguments[0], &descriptor)) return NULL;
  // The port lies at the same place in addresses of both families.
  struct peer self;
  socklen_t size = sizeof self.sender;
  if (getsockname((int)descriptor, &self.sender.any, &size) != 0) {
    struct failure failure = failed("getsockname", "");
    return throw_failure(env, &failure);
  }
  napi_create_uint32(env, ntohs(self.sender.four.sin_port), &value);
  return value;
}

static struct datagrams *take_datagrams(napi_env env, napi_value value) {
  void *data;
  if (napi_get_value_external(env, value, &data) == napi_ok) return data;
  napi_throw_type_error(env, NULL, "datagrams were expected");
  return NULL;
}

static napi_value js_send_datagram(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  struct datagrams *self;
  if (!take_arguments(env, info, 3, arguments) || (self = take_datagrams(env, arguments[0])) == NULL) return NULL;
  // With the NUL that ends the string.
  char name[sizeof(struct peer) + 1];
  size_t length;
  if (napi_get_value_string_latin1(env, arguments[2], name, sizeof name, &length) != napi_ok ||
      length != sizeof(struct peer)) {
    napi_throw_type_error(env, NULL, "a peer was expected");
    return NULL;
  }
  struct peer peer;
  memcpy(&peer, name, sizeof peer);
  send_bytes(self, arguments[1], &peer);
  return NULL;
}

static napi_value js_close_datagrams(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  struct datagrams *self;
  if (take_arguments(env, info, 1, arguments) && (self = take_datagrams(env, arguments[0])) != NULL)
    close_datagrams(self);
  return NULL;
}

void define_datagrams(napi_env env, napi_value exports) {
  // Another libuv would number its handles in another way.
  const char *type = uv_handle_type_name(UV_POLL);
  if (type == NULL || strcmp(type, "poll") != 0) {
    napi_throw_error(env, NULL, "this libuv numbers its handles otherwise than Node's: the linux addon cannot use it");
    return;
  }
  define(env, exports, "socketPort", js_socket_port);
  define(env, exports, "serveDatagrams", js_serve_datagrams);
  define(env, exports, "sendDatagram", js_send_datagram);
  define(env, exports, "closeDatagrams", js_close_datagrams);
}
