/* The command line: what to run and which devices it gets. In: argv. Out: struct options. May include: libc. */
#ifndef NOOS_OPTIONS_H
#define NOOS_OPTIONS_H

#include <stdbool.h>

enum { max_disks = 8, max_parameters = 256 };

struct disk_option {
  const char *path;
  bool read_only;
};

struct options {
  const char *image;
  /* At most one of the three is set (fd -1: not set); none: no network. */
  const char *socket_path;
  const char *tap_name;
  int socket_fd;
  const char *mac;
  const char *ip;
  const char *gateway;
  const char *dns;
  const char *mtu;
  /* Limit of the JavaScript heap in bytes, 0 for the image's own. */
  unsigned long long memory_bytes;
  struct disk_option disks[max_disks];
  int disk_count;
  /* `key=value`, as given: the process's own arguments, which may be overwritten. */
  char *parameters[max_parameters];
  int parameter_count;
};

/* Reads argv; ends the process for --help and for wrong use. */
struct options options_read(int argc, char **argv);

#endif
