// Network namespaces: making one, a socket inside one, a setting inside one. All on threads of their own, which end.
#include "linux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

struct create_job {
  char path[PATH_BYTES];
};

static struct failure loopback_up(void) {
  int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (control < 0) return failed("socket", "lo");
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK};
  struct failure result = {0};
  if (ioctl(control, SIOCSIFFLAGS, &request) != 0) result = failed("ioctl", "lo");
  close(control);
  return result;
}

static struct failure do_create(void *argument) {
  struct create_job *job = argument;
  int file = open(job->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (file < 0) return failed("open", job->path);
  close(file);
  struct failure result = {0};
  if (unshare(CLONE_NEWNET) != 0)
    result = failed("unshare", job->path);
  else
    result = loopback_up();
  if (result.error == 0 && mount("/proc/thread-self/ns/net", job->path, "", MS_BIND, NULL) != 0)
    result = failed("mount", job->path);
  if (result.error != 0) unlink(job->path);
  return result;
}

static struct failure create_work(void *argument) { return on_thread(do_create, argument); }

static napi_value js_create_network_namespace(napi_env env, napi_callback_info info) {
  napi_value arguments[1];
  if (!take_arguments(env, info, 1, arguments)) return NULL;
  struct create_job *job = allocate(sizeof *job);
  if (take_string(env, arguments[0], job->path)) return promise_of(env, create_work, job);
  free(job);
  return NULL;
}

// The thread moves into the namespace; "" is our own.
static struct failure enter(const char *path) {
  if (path[0] == '\0') return (struct failure){0};
  int namespace = open(path, O_RDONLY | O_CLOEXEC);
  if (namespace < 0) return failed("open", path);
  struct failure result = {0};
  if (setns(namespace, CLONE_NEWNET) != 0) result = failed("setns", path);
  close(namespace);
  return result;
}

struct socket_job {
  char path[PATH_BYTES], address[PATH_BYTES];
  long long datagram, port;
  int descriptor;
};

static struct failure do_socket(void *argument) {
  struct socket_job *job = argument;
  struct failure result = enter(job->path);
  if (result.error != 0) return result;
  struct sockaddr_storage address = {0};
  struct sockaddr_in *four = (struct sockaddr_in *)&address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
  socklen_t length;
  if (inet_pton(AF_INET, job->address, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons((unsigned short)job->port);
    length = sizeof *four;
  } else if (inet_pton(AF_INET6, job->address, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((unsigned short)job->port);
    length = sizeof *six;
  } else {
    errno = EINVAL;
    return failed("inet_pton", job->address);
  }
  int kind = job->datagram ? SOCK_DGRAM : SOCK_STREAM;
  int descriptor = socket(address.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return failed("socket", job->address);
  int on = 1;
  if (!job->datagram) setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.ss_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(descriptor, (struct sockaddr *)&address, length) != 0)
    result = failed("bind", job->address);
  else if (!job->datagram && listen(descriptor, 128) != 0)
    result = failed("listen", job->address);
  if (result.error != 0)
    close(descriptor);
  else
    job->descriptor = descriptor;
  return result;
}

static napi_value js_open_socket_in_namespace(napi_env env, napi_callback_info info) {
  napi_value arguments[4], value = NULL;
  if (!take_arguments(env, info, 4, arguments)) return NULL;
  struct socket_job *job = allocate(sizeof *job);
  if (take_string(env, arguments[0], job->path) && take_integer(env, arguments[1], &job->datagram) &&
      take_string(env, arguments[2], job->address) && take_integer(env, arguments[3], &job->port)) {
    struct failure result = on_thread(do_socket, job);
    if (result.error != 0)
      throw_failure(env, &result);
    else
      napi_create_int32(env, job->descriptor, &value);
  }
  free(job);
  return value;
}

struct sysctl_job {
  char path[PATH_BYTES], name[PATH_BYTES], value[PATH_BYTES];
};

static struct failure do_sysctl(void *argument) {
  struct sysctl_job *job = argument;
  struct failure result = enter(job->path);
  if (result.error != 0) return result;
  char file[PATH_BYTES];
  if (strstr(job->name, "..") != NULL ||
      snprintf(file, sizeof file, "/proc/sys/%s", job->name) >= (int)sizeof file) {
    errno = EINVAL;
    return failed("sysctl", job->name);
  }
  int descriptor = open(file, O_WRONLY | O_CLOEXEC);
  if (descriptor < 0) return failed("open", file);
  if (write(descriptor, job->value, strlen(job->value)) < 0) result = failed("write", file);
  close(descriptor);
  return result;
}

static struct failure sysctl_work(void *argument) { return on_thread(do_sysctl, argument); }

static napi_value js_write_sysctl_in_namespace(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  if (!take_arguments(env, info, 3, arguments)) return NULL;
  struct sysctl_job *job = allocate(sizeof *job);
  if (take_string(env, arguments[0], job->path) && take_string(env, arguments[1], job->name) &&
      take_string(env, arguments[2], job->value))
    return promise_of(env, sysctl_work, job);
  free(job);
  return NULL;
}

void define_namespaces(napi_env env, napi_value exports) {
  define(env, exports, "createNetworkNamespace", js_create_network_namespace);
  define(env, exports, "openSocketInNamespace", js_open_socket_in_namespace);
  define(env, exports, "writeSysctlInNamespace", js_write_sysctl_in_namespace);
}
