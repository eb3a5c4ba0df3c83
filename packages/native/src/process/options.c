/* Command line of runtime-process. In: argv. Out: struct options. May include: fail.h, libc. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"

static const char usage[] =
    "usage: runtime-process IMAGE [options]\n"
    "Runs a Noos image as a Linux process whose only rights are its devices, clocks, randomness and console.\n"
    "\n"
    "  --socket PATH      network over a Unix stream socket to connect to (QEMU -netdev stream framing)\n"
    "  --fd N             the same over an inherited, connected socket\n"
    "  --tap NAME         network over an existing TAP device\n"
    "  --mac ADDRESS      of the network device; random by default\n"
    "  --ip A.B.C.D/N     static address; DHCP by default\n"
    "  --gateway A.B.C.D  --dns A.B.C.D[,...]  --mtu BYTES\n"
    "  --disk FILE[:ro]   block device; may be given several times\n"
    "  --memory SIZE      limit of the JavaScript heap, with suffix K, M or G\n"
    "  --param KEY=VALUE  start parameter (env.NAME=..., http.port=..., see docs/architecture.md)\n"
    "  --help\n"
    "\n"
    "Exit code: the application's; 1 not started, 2 wrong use, 130 or 143 after a second SIGINT or SIGTERM,\n"
    "134 panic, 159 killed by the system call filter.\n";

enum { opt_socket = 256, opt_fd, opt_tap, opt_mac, opt_ip, opt_gateway, opt_dns, opt_mtu, opt_disk, opt_memory, opt_param, opt_help };

static const struct option long_options[] = {
    {"socket", required_argument, NULL, opt_socket}, {"fd", required_argument, NULL, opt_fd},
    {"tap", required_argument, NULL, opt_tap},       {"mac", required_argument, NULL, opt_mac},
    {"ip", required_argument, NULL, opt_ip},         {"gateway", required_argument, NULL, opt_gateway},
    {"dns", required_argument, NULL, opt_dns},       {"mtu", required_argument, NULL, opt_mtu},
    {"disk", required_argument, NULL, opt_disk},     {"memory", required_argument, NULL, opt_memory},
    {"param", required_argument, NULL, opt_param},   {"help", no_argument, NULL, opt_help},
    {NULL, 0, NULL, 0},
};

static unsigned long long read_size(const char *text) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
  if (shift != 0) end++;
  if (errno != 0 || end == text || *text == '-' || *end != '\0' || value == 0 || value > ULLONG_MAX >> shift)
    fail(exit_usage, "--memory", "needs a size such as 64M", 0);
  return value << shift;
}

static int read_fd(const char *text) {
  char *end;
  long value = strtol(text, &end, 10);
  if (end == text || *end != '\0' || value < 0 || value > INT_MAX)
    fail(exit_usage, "--fd", "needs the number of an inherited descriptor", 0);
  return (int)value;
}

static void add_disk(struct options *options, char *text) {
  if (options->disk_count == max_disks) fail(exit_usage, "--disk", "at most 8 disks", 0);
  struct disk_option *disk = &options->disks[options->disk_count++];
  size_t length = strlen(text);
  disk->read_only = length > 3 && strcmp(text + length - 3, ":ro") == 0;
  if (disk->read_only) text[length - 3] = '\0';
  disk->path = text;
}

static void add_parameter(struct options *options, char *text) {
  if (options->parameter_count == max_parameters) fail(exit_usage, "--param", "at most 256 parameters", 0);
  const char *equals = strchr(text, '=');
  const char *newline = strchr(text, '\n');
  if (equals == NULL || equals == text || (newline != NULL && newline < equals))
    fail(exit_usage, "--param", "needs KEY=VALUE", 0);
  options->parameters[options->parameter_count++] = text;
}

struct options options_read(int argc, char **argv) {
  struct options options = {.socket_fd = -1};
  for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
    switch (option) {
      case opt_socket: options.socket_path = optarg; break;
      case opt_fd: options.socket_fd = read_fd(optarg); break;
      case opt_tap: options.tap_name = optarg; break;
      case opt_mac: options.mac = optarg; break;
      case opt_ip: options.ip = optarg; break;
      case opt_gateway: options.gateway = optarg; break;
      case opt_dns: options.dns = optarg; break;
      case opt_mtu: options.mtu = optarg; break;
      case opt_disk: add_disk(&options, optarg); break;
      case opt_memory: options.memory_bytes = read_size(optarg); break;
      case opt_param: add_parameter(&options, optarg); break;
      case opt_help: fputs(usage, stdout), fflush(stdout), _exit(0);
      default: _exit(exit_usage);
    }
  }
  if (optind + 1 != argc) fail(exit_usage, "one IMAGE is needed", "see runtime-process --help", 0);
  options.image = argv[optind];
  int networks = (options.socket_path != NULL) + (options.socket_fd >= 0) + (options.tap_name != NULL);
  if (networks > 1) fail(exit_usage, "--socket, --fd and --tap", "give only one of them", 0);
  if (networks == 0 && (options.mac || options.ip || options.gateway || options.dns || options.mtu))
    fail(exit_usage, "a network option without a network", "give --tap, --socket or --fd", 0);
  return options;
}
