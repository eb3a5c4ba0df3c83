/* Block devices over files; see block.h. */
#include "block.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "noos_platform.h"

enum { queue_length = 64 };
enum { operation_read, operation_write, operation_flush };
enum { submitted, queue_full, no_such_device, out_of_range, not_writable };

/* A request that was done, or a read that is done when its completion is taken: then there is a place for it. */
struct completion {
  uint32_t identifier, operation, status, sectors;
  uint64_t sector;
};

struct block_device {
  int fd;
  bool read_only;
  uint64_t sectors;
  struct completion queue[queue_length];
  uint32_t taken, queued;
};

static struct block_device devices[max_disks];
static int device_count;

void block_open(const struct disk_option *disk) {
  struct block_device *device = &devices[device_count];
  device->fd = open(disk->path, (disk->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
  if (device->fd < 0) fail(exit_failure, disk->path, "cannot be opened as a disk", errno);
  off_t length = lseek(device->fd, 0, SEEK_END);
  if (length < sector_bytes || length % sector_bytes != 0)
    fail(exit_failure, disk->path, "is no disk: its size must be a multiple of 512 bytes", 0);
  device->read_only = disk->read_only;
  device->sectors = (uint64_t)length / sector_bytes;
  device_count++;
}

int block_count(void) { return device_count; }
int block_fd(int device) { return devices[device].fd; }
uint64_t block_sectors(int device) { return devices[device].sectors; }
bool block_read_only(int device) { return devices[device].read_only; }

bool block_ready(void) {
  for (int i = 0; i < device_count; i++)
    if (devices[i].taken != devices[i].queued) return true;
  return false;
}

/* Writes all of a range; false on an error. */
static bool write_range(int fd, const uint8_t *data, uint32_t length, uint64_t offset) {
  while (length > 0) {
    ssize_t count = pwrite(fd, data, length, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count, length -= (uint32_t)count, offset += (uint64_t)count;
  }
  return true;
}

static bool read_range(int fd, uint8_t *data, uint32_t length, uint64_t offset) {
  while (length > 0) {
    ssize_t count = pread(fd, data, length, (off_t)offset);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    data += count, length -= (uint32_t)count, offset += (uint64_t)count;
  }
  return true;
}

uint32_t noos_block_submit(uint32_t number, uint32_t operation, uint32_t identifier, uint64_t sector,
                           uint32_t sectors, const uint8_t *data, uint32_t length) {
  if (number >= (uint32_t)device_count || operation > operation_flush) return no_such_device;
  struct block_device *device = &devices[number];
  if (device->queued - device->taken == queue_length) return queue_full;
  if (operation == operation_write) sectors = length / sector_bytes;
  if (sectors > device->sectors || sector > device->sectors - sectors || length % sector_bytes != 0) return out_of_range;
  if (operation == operation_write && device->read_only) return not_writable;
  bool done = true;
  if (operation == operation_write) done = write_range(device->fd, data, length, sector * sector_bytes);
  if (operation == operation_flush) done = fdatasync(device->fd) == 0;
  device->queue[device->queued++ % queue_length] = (struct completion){identifier, operation, !done, sectors, sector};
  return submitted;
}

uint64_t noos_block_complete(uint32_t number, uint8_t *data, uint32_t capacity) {
  if (number >= (uint32_t)device_count) return UINT64_MAX;
  struct block_device *device = &devices[number];
  if (device->taken == device->queued) return UINT64_MAX;
  struct completion *completion = &device->queue[device->taken++ % queue_length];
  uint64_t length = (uint64_t)completion->sectors * sector_bytes;
  if (completion->operation == operation_read)
    completion->status = length > capacity ||
                         !read_range(device->fd, data, (uint32_t)length, completion->sector * sector_bytes);
  return completion->identifier | (uint64_t)completion->status << 32;
}
