/*
 * Block devices over files. In: paths. Out: noos_block_submit and noos_block_complete of the platform interface.
 *
 * Input and output happen inside the calls (pread, pwrite, fdatasync); completions are queued and reported by
 * `blockReady` in the next turn, as on every target. May include: noos_platform.h, fail.h, options.h.
 */
#ifndef NOOS_BLOCK_H
#define NOOS_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "options.h"

enum { sector_bytes = 512 };

/* Opens a disk as the next device number; ends the process with a reason when that fails. */
void block_open(const struct disk_option *disk);

int block_count(void);
int block_fd(int device);
uint64_t block_sectors(int device);
bool block_read_only(int device);
/* A completion is waiting. */
bool block_ready(void);

#endif
