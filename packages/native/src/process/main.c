/*
 * runtime-process: runs an image as a confined Linux process. The order is the story: read the command line, check
 * the image, open devices, restore the memory, give up every right, run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block.h"
#include "confine.h"
#include "fail.h"
#include "loop.h"
#include "memory.h"
#include "net.h"
#include "options.h"
#include "unikernel.h"

static struct rights rights;

/* Opens and checks the image; `*fd` stays open until its pages are placed. */
static struct noos_image open_image(const char *path, int *fd) {
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) fail(exit_failure, path, "cannot be opened", errno);
  struct stat status;
  if (fstat(*fd, &status) < 0 || !S_ISREG(status.st_mode)) fail(exit_failure, path, "is not a file", 0);
  uint64_t length = (uint64_t)status.st_size;
  uint8_t *bytes = length == 0 ? NULL : mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, *fd, 0);
  if (bytes == MAP_FAILED) fail(exit_failure, path, "cannot be read", errno);
  struct noos_image image;
  const char *error = noos_image_parse(&image, bytes, length);
  if (error == NULL && !noos_image_digest_matches(&image))
    error = "the image's content digest does not match: the file was damaged or changed, build it again";
  if (error != NULL) fail(exit_failure, path, error, 0);
  return image;
}

static void add_parameter(const char *key, const char *value) {
  static char line[65536];
  size_t used = (size_t)snprintf(line, sizeof line, "%s=", key);
  for (; *value != '\0' && used < sizeof line - 4; value++) {
    if (*value == '%' || *value == '\n')
      used += (size_t)snprintf(line + used, sizeof line - used, "%%%02X", (unsigned)*value);
    else
      line[used++] = *value;
  }
  if (*value != '\0' || !noos_parameters_add(line, (uint32_t)used))
    fail(exit_usage, key, "the start parameters are longer than 64 KiB", 0);
}

static void add_number(const char *key, unsigned long long value) {
  char text[24];
  snprintf(text, sizeof text, "%llu", value);
  add_parameter(key, text);
}

/* A random locally administered unicast address (IEEE 802 §8.2). */
static const char *random_mac(void) {
  static char text[18];
  uint8_t b[5];
  if (getrandom(b, sizeof b, 0) != sizeof b) fail(exit_failure, "network", "no random address", errno);
  snprintf(text, sizeof text, "02:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4]);
  return text;
}

static void open_network(const struct options *options) {
  struct net_device device;
  if (options->tap_name != NULL)
    device = net_open_tap(options->tap_name);
  else if (options->socket_path != NULL)
    device = net_connect_socket(options->socket_path);
  else if (options->socket_fd >= 0)
    device = net_adopt_socket(options->socket_fd);
  else
    return;
  net_install(device);
  rights.stream_fds[rights.stream_count++] = device.fd;
  add_parameter("net.0.mac", options->mac != NULL ? options->mac : random_mac());
  if (options->mtu != NULL)
    add_parameter("net.0.mtu", options->mtu);
  else
    add_number("net.0.mtu", device.mtu_bytes);
  add_number("net.0.features", device.features);
  add_parameter("net.0.ipv4", options->ip != NULL ? options->ip : "dhcp");
  if (options->gateway != NULL) add_parameter("net.0.gateway", options->gateway);
  if (options->dns != NULL) add_parameter("dns.servers", options->dns);
}

static void open_disks(const struct options *options) {
  for (int i = 0; i < options->disk_count; i++) {
    char key[32];
    block_open(&options->disks[i]);
    rights.disk_fds[rights.disk_count++] = block_fd(i);
    snprintf(key, sizeof key, "block.%d.sectors", i);
    add_number(key, block_sectors(i));
    snprintf(key, sizeof key, "block.%d.readOnly", i);
    add_number(key, block_read_only(i));
  }
}

enum {
  mebibyte = 1 << 20,
  /* docs/architecture.md, start parameters: what holds unless they say otherwise. */
  default_engine_bytes = 64 * mebibyte,
  default_tcp_bytes = 64 * mebibyte,
  /* The rest: native stack, libos's pools at their largest, fragmentation. */
  other_bytes = 1024 * mebibyte,
};

static void run(void) {
  confine(&rights);
  loop_run();
}

int main(int argc, char **argv) {
  struct options options = options_read(argc, argv);
  int image_fd;
  struct noos_image image = open_image(options.image, &image_fd);
  const struct noos_section *defaults = &image.sections[NOOS_IMAGE_SECTION_PARAMETERS];
  if (defaults->bytes != NULL && !noos_parameters_add((const char *)defaults->bytes, (uint32_t)defaults->length))
    fail(exit_failure, options.image, "its parameters are longer than 64 KiB", 0);
  open_network(&options);
  open_disks(&options);
  if (options.memory_bytes != 0) add_number("memory.engine", options.memory_bytes);
  for (int i = 0; i < options.parameter_count; i++) {
    char key[128];
    const char *equals = strchr(options.parameters[i], '=');
    if ((size_t)snprintf(key, sizeof key, "%.*s", (int)(equals - options.parameters[i]), options.parameters[i]) >= sizeof key)
      fail(exit_usage, "--param", "a key has at most 127 bytes", 0);
    add_parameter(key, equals + 1);
    /* Values may be secrets, and other users can read the command line in /proc. */
    memset(options.parameters[i] + (equals + 1 - options.parameters[i]), '*', strlen(equals + 1));
  }
  rights.data_bytes = noos_parameter_number("memory.engine", default_engine_bytes) +
                      noos_parameter_number("tcp.memory", default_tcp_bytes) + other_bytes;
  rights.stream_fds[rights.stream_count++] = loop_watch_signals();
  memory_watch_faults();
  memory_reserve(image_fd);
  const char *error = noos_unikernel_restore(&image);
  if (error != NULL) fail(exit_failure, options.image, error, 0);
  munmap((void *)image.bytes, image.length);
  memory_run_on_stack(run);
}
