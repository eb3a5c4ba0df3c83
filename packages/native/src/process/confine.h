/*
 * Gives up every right but those listed. In: the descriptors that stay. Out: a process that the kernel kills
 * (SIGSYS) for any other system call. May include: memory_map.h, fail.h, kernel headers.
 */
#ifndef NOOS_CONFINE_H
#define NOOS_CONFINE_H

#include <stdint.h>

enum { max_confined_fds = 16 };

/* Descriptors by what may be done with them; -1 for absent. */
struct rights {
  /* read and write: network, wake-up. */
  int stream_fds[max_confined_fds];
  int stream_count;
  /* pread, pwrite, fdatasync. */
  int disk_fds[max_confined_fds];
  int disk_count;
  /* Private writable memory in bytes (RLIMIT_DATA): the two reservations may grow no further together. */
  uint64_t data_bytes;
};

/* Closes all other descriptors above 2, bounds memory, leaves the file system, drops capabilities, installs the filter. */
void confine(const struct rights *rights);

#endif
