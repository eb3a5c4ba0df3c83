/* virtio-blk (virtio 1.2 §5.2): requests of at most 128 KiB, each a chain of header, data and status in a slot of ours. */
#include "noos_platform.h"
#include "virtio.h"

#define FEATURE_READ_ONLY (1ull << 5)
#define FEATURE_FLUSH (1ull << 9)
#define TYPE_IN 0u
#define TYPE_OUT 1u
#define TYPE_FLUSH 4u
#define SECTOR_BYTES 512u
#define SLOTS 16
#define SLOT_DATA_BYTES (128u << 10)
#define DEVICES_MAX 4
#define NONE UINT64_MAX

#define SUBMIT_OK 0u
#define SUBMIT_FULL 1u
#define SUBMIT_NO_DEVICE 2u
#define SUBMIT_OUT_OF_RANGE 3u
#define SUBMIT_READ_ONLY 4u
#define OPERATION_WRITE 1u
#define OPERATION_FLUSH 2u

struct request_header {
  uint32_t type, reserved;
  uint64_t sector;
};
struct slot {
  struct request_header header;
  uint8_t status;
  bool busy;
  uint32_t identifier, operation, bytes;
};
struct block {
  struct virtio_device *device;
  struct queue queue;
  uint64_t sectors;
  struct slot *slots;
  uint8_t *data; /* SLOTS * SLOT_DATA_BYTES */
};

static struct block blocks[DEVICES_MAX];
static uint32_t count;

void block_attach(struct virtio_device *device) {
  if (count == DEVICES_MAX) panic("more than 4 block devices");
  struct block *block = &blocks[count++];
  block->device = device;
  virtio_begin(device, FEATURE_READ_ONLY | FEATURE_FLUSH);
  block->sectors = virtio_config32(device, 0) | (uint64_t)virtio_config32(device, 4) << 32;
  virtio_queue(device, 0, SLOTS * 4, &block->queue);
  block->slots = pages_zeroed((SLOTS * sizeof(struct slot) + VM_PAGE_BYTES - 1) / VM_PAGE_BYTES);
  block->data = physical(pages_take(SLOTS * SLOT_DATA_BYTES / VM_PAGE_BYTES));
  virtio_ready(device);
}

uint32_t noos_block_submit(uint32_t device, uint32_t operation, uint32_t identifier, uint64_t sector, uint32_t sectors,
                           const uint8_t *data, uint32_t length) {
  if (device >= count) return SUBMIT_NO_DEVICE;
  struct block *block = &blocks[device];
  if (operation == OPERATION_WRITE) sectors = length / SECTOR_BYTES;
  uint32_t bytes = operation == OPERATION_FLUSH ? 0 : sectors * SECTOR_BYTES;
  bool fits = sectors <= SLOT_DATA_BYTES / SECTOR_BYTES && sector <= block->sectors && sectors <= block->sectors - sector;
  if (operation > OPERATION_FLUSH || (operation == OPERATION_WRITE && length % SECTOR_BYTES != 0) ||
      (operation != OPERATION_FLUSH && (!fits || sectors == 0)))
    return SUBMIT_OUT_OF_RANGE;
  if (operation == OPERATION_WRITE && (block->device->features & FEATURE_READ_ONLY)) return SUBMIT_READ_ONLY;
  uint16_t number = 0;
  while (number < SLOTS && block->slots[number].busy) number++;
  if (number == SLOTS) return SUBMIT_FULL;

  struct slot *slot = &block->slots[number];
  uint8_t *buffer = block->data + number * SLOT_DATA_BYTES;
  uint32_t type = operation == OPERATION_WRITE ? TYPE_OUT : operation == OPERATION_FLUSH ? TYPE_FLUSH : TYPE_IN;
  *slot = (struct slot){{type, 0, type == TYPE_FLUSH ? 0 : sector}, 0xff, true, identifier, operation, bytes};
  if (operation == OPERATION_WRITE) memcpy(buffer, data, bytes);
  uint16_t head = number * 4;
  struct queue_descriptor *d = block->queue.descriptors + head;
  d[0] = (struct queue_descriptor){physical_address(&slot->header), sizeof slot->header, DESCRIPTOR_NEXT, head + 1};
  d[1] = (struct queue_descriptor){physical_address(&slot->status), 1, DESCRIPTOR_WRITE, 0};
  if (bytes > 0) {
    d[2] = d[1];
    uint16_t flags = DESCRIPTOR_NEXT | (operation == OPERATION_WRITE ? 0 : DESCRIPTOR_WRITE);
    d[1] = (struct queue_descriptor){physical_address(buffer), bytes, flags, head + 2};
  }
  queue_push(&block->queue, head);
  queue_notify(&block->queue);
  return SUBMIT_OK;
}

uint64_t noos_block_complete(uint32_t device, uint8_t *data, uint32_t capacity) {
  uint16_t head;
  uint32_t length;
  if (device >= count || !queue_pop(&blocks[device].queue, &head, &length)) return NONE;
  uint32_t number = head / 4;
  struct slot *slot = &blocks[device].slots[number];
  slot->busy = false;
  bool failed = slot->status != 0;
  if (!failed && slot->header.type == TYPE_IN) {
    if (slot->bytes > capacity)
      failed = true;
    else
      memcpy(data, blocks[device].data + number * SLOT_DATA_BYTES, slot->bytes);
  }
  return slot->identifier | (uint64_t)failed << 32;
}

uint32_t block_events(bool sleeping) {
  uint32_t events = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (sleeping) queue_interrupt(&blocks[i].queue, true);
    if (queue_pending(&blocks[i].queue)) events |= NOOS_EVENT_BLOCK_READY;
  }
  return events;
}
