/*
 * A unikernel as the targets see it: what common code offers and what a target must provide.
 *
 * In: an image's bytes, start parameters, clocks. Out: deadlines, calls of the platform interface. Freestanding:
 * needs memcpy, memmove, memset and memcmp (bytes.c has them), no libc. Order of calls: noos_image_parse,
 * noos_image_digest_matches, noos_parameters_add (image, then platform), noos_unikernel_restore,
 * noos_unikernel_start, then noos_unikernel_turn until noos_exit_code is not negative.
 */
#ifndef NOOS_UNIKERNEL_H
#define NOOS_UNIKERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "memory_map.h"
#include "noos_platform.h"

struct noos_section {
  const uint8_t *bytes;
  /* Where it starts in the file, a multiple of NOOS_IMAGE_PAGE_BYTES. */
  uint64_t offset;
  uint64_t length;
  uint64_t value;
};

#define NOOS_SECTION_TYPES 9u

/* A checked image: sections by type; absent ones have bytes NULL. */
struct noos_image {
  const uint8_t *bytes;
  uint64_t length;
  struct noos_section sections[NOOS_SECTION_TYPES];
};

/* Checks header, versions, table, page runs. Returns NULL, or what is wrong and what to do. Trusts no field. */
const char *noos_image_parse(struct noos_image *image, const uint8_t *bytes, uint64_t length);

/* Compares the content digest (SHA-256 of everything after the header). */
bool noos_image_digest_matches(const struct noos_image *image);

/* Appends `key=value` lines; a missing last newline is added. False when the 64 KiB for parameters are full. */
bool noos_parameters_add(const char *text, uint32_t length);

/* The decimal number that the last `key=value` line gives; `otherwise` when there is none. */
uint64_t noos_parameter_number(const char *key, uint64_t otherwise);

/* Places both memories' pages, restores the globals, builds the tables. Returns NULL or an error text. */
const char *noos_unikernel_restore(const struct noos_image *image);

/* First call and turns; both return the next deadline in monotonic nanoseconds, 2^64-1 for none. */
uint64_t noos_unikernel_start(uint64_t now_monotonic_ns, uint64_t now_wall_ns);
uint64_t noos_unikernel_turn(uint64_t now_monotonic_ns, uint64_t now_wall_ns, uint32_t events);

/* What `exit` was called with, or -1 while the unikernel runs. */
int noos_exit_code(void);

/* "engine memory", "libos memory" or NULL: which reservation holds `address` (for fault messages). */
const char *noos_memory_name(uint64_t address);

/* --- Provided by the target, besides noos_net_*, noos_block_*, noos_console_write, noos_entropy_read, noos_panic
   of noos_platform.h. --- */

/* Makes `bytes` (a multiple of 64 KiB) at `address`, inside a reservation, readable, writable and zero. */
bool noos_memory_commit(uint8_t *address, uint64_t bytes);

/* Puts `bytes` of the image file from `offset` (both multiples of 4 KiB) privately at `address`, committed before. */
bool noos_pages_place(uint8_t *address, uint64_t offset, uint64_t bytes);

/* Prints a panic with this reason and ends with exit code 134. */
_Noreturn void noos_fault(const char *reason);

#endif
