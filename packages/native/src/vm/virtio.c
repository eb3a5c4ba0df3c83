/* Virtio transport over memory-mapped registers (virtio 1.2 §4.2, version 2 only) and split queues (§2.7). */
#include "virtio.h"
#include "cpu.h"

#define MAGIC 0x74726976u
#define VERSION_MODERN 2u
/* Register offsets in words (§4.2.2). */
#define REGISTER_MAGIC (0x000 / 4)
#define REGISTER_VERSION (0x004 / 4)
#define REGISTER_DEVICE (0x008 / 4)
#define REGISTER_FEATURES (0x010 / 4)
#define REGISTER_FEATURES_SELECT (0x014 / 4)
#define REGISTER_DRIVER_FEATURES (0x020 / 4)
#define REGISTER_DRIVER_FEATURES_SELECT (0x024 / 4)
#define REGISTER_QUEUE_SELECT (0x030 / 4)
#define REGISTER_QUEUE_SIZE_MAX (0x034 / 4)
#define REGISTER_QUEUE_SIZE (0x038 / 4)
#define REGISTER_QUEUE_READY (0x044 / 4)
#define REGISTER_QUEUE_NOTIFY (0x050 / 4)
#define REGISTER_INTERRUPT_STATUS (0x060 / 4)
#define REGISTER_INTERRUPT_ACKNOWLEDGE (0x064 / 4)
#define REGISTER_STATUS (0x070 / 4)
#define REGISTER_QUEUE_DESCRIPTORS (0x080 / 4)
#define REGISTER_QUEUE_DRIVER (0x090 / 4)
#define REGISTER_QUEUE_DEVICE (0x0a0 / 4)
#define REGISTER_CONFIG (0x100 / 4)

#define STATUS_ACKNOWLEDGE 1u
#define STATUS_DRIVER 2u
#define STATUS_DRIVER_OK 4u
#define STATUS_FEATURES_OK 8u

#define FEATURE_EVENT_INDEX (1ull << 29)
#define FEATURE_VERSION_1 (1ull << 32)
#define AVAILABLE_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1
#define DEVICES_MAX 16

static struct virtio_device devices[DEVICES_MAX];
static uint32_t device_count;

static void fence(void) { __asm__ volatile("mfence" : : : "memory"); }

/* Reads a number at *at, decimal or 0x hexadecimal, and moves behind it. */
static uint64_t number(const char **at, const char *end) {
  uint64_t value = 0, base = 10;
  if (end - *at > 2 && (*at)[0] == '0' && (*at)[1] == 'x') base = 16, *at += 2;
  for (; *at < end; ++*at) {
    char c = **at;
    uint64_t digit = c >= '0' && c <= '9' ? (uint64_t)(c - '0') : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a') + 10 : 99;
    if (digit >= base) break;
    value = value * base + digit;
  }
  return value;
}

/* Drops the line of whichever devices use this input; what happened is seen in their queues. */
static void acknowledge(uint32_t input) {
  for (uint32_t i = 0; i < device_count; i++)
    if (devices[i].interrupt == input)
      devices[i].registers[REGISTER_INTERRUPT_ACKNOWLEDGE] = devices[i].registers[REGISTER_INTERRUPT_STATUS];
}

void virtio_discover(void (*found)(struct virtio_device *device)) {
  static const char key[] = "virtio_mmio.device";
  struct option option;
  uint32_t position = 0;
  device_interrupt = acknowledge;
  while (option_next(&position, &option)) {
    if (option.key_length != sizeof key - 1 || memcmp(option.key, key, sizeof key - 1) != 0) continue;
    const char *at = option.value, *end = option.value + option.value_length;
    while (at < end && *at != '@') at++;
    at++;
    uint64_t address = number(&at, end);
    at++;
    uint32_t interrupt = (uint32_t)number(&at, end);
    volatile uint32_t *registers = device_map(address);
    if (registers[REGISTER_MAGIC] != MAGIC || registers[REGISTER_DEVICE] == 0) continue;
    if (registers[REGISTER_VERSION] != VERSION_MODERN)
      panic("virtio device of the old version (QEMU: -global virtio-mmio.force-legacy=false)");
    if (device_count == DEVICES_MAX) panic("more than 16 virtio devices");
    devices[device_count] = (struct virtio_device){registers, registers[REGISTER_DEVICE], interrupt, 0};
    device_count++;
  }
  /* QEMU names its buses from the last to the first; devices count from the lowest address. */
  for (uint32_t i = 1; i < device_count; i++)
    for (uint32_t j = i; j > 0 && devices[j].registers < devices[j - 1].registers; j--) {
      struct virtio_device lower = devices[j];
      devices[j] = devices[j - 1];
      devices[j - 1] = lower;
    }
  for (uint32_t i = 0; i < device_count; i++) found(&devices[i]);
}

void virtio_begin(struct virtio_device *device, uint64_t wanted) {
  volatile uint32_t *r = device->registers;
  r[REGISTER_STATUS] = 0;
  r[REGISTER_STATUS] = STATUS_ACKNOWLEDGE;
  r[REGISTER_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
  r[REGISTER_FEATURES_SELECT] = 0;
  uint64_t offered = r[REGISTER_FEATURES];
  r[REGISTER_FEATURES_SELECT] = 1;
  offered |= (uint64_t)r[REGISTER_FEATURES] << 32;
  device->features = offered & (wanted | FEATURE_VERSION_1 | FEATURE_EVENT_INDEX);
  r[REGISTER_DRIVER_FEATURES_SELECT] = 0;
  r[REGISTER_DRIVER_FEATURES] = (uint32_t)device->features;
  r[REGISTER_DRIVER_FEATURES_SELECT] = 1;
  r[REGISTER_DRIVER_FEATURES] = (uint32_t)(device->features >> 32);
  r[REGISTER_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK;
  if ((device->features & FEATURE_VERSION_1) == 0 || (r[REGISTER_STATUS] & STATUS_FEATURES_OK) == 0)
    panic("virtio device refuses the features we need");
}

static void write_address(volatile uint32_t *r, uint32_t index, volatile const void *direct) {
  uint64_t address = physical_address((const void *)direct);
  r[index] = (uint32_t)address;
  r[index + 1] = (uint32_t)(address >> 32);
}

void virtio_queue(struct virtio_device *device, uint16_t index, uint16_t size_limit, struct queue *queue) {
  volatile uint32_t *r = device->registers;
  r[REGISTER_QUEUE_SELECT] = index;
  uint32_t size = r[REGISTER_QUEUE_SIZE_MAX];
  if (size == 0) panic("virtio device lacks a queue");
  if (size > size_limit) size = size_limit;
  uint32_t descriptor_bytes = size * sizeof(struct queue_descriptor), available_bytes = (6 + 2 * size + 3) & ~3u;
  uint32_t bytes = descriptor_bytes + available_bytes + 6 + size * sizeof(struct queue_used);
  uint8_t *pages = pages_zeroed((bytes + VM_PAGE_BYTES - 1) / VM_PAGE_BYTES);
  *queue = (struct queue){.device = device, .index = index, .size = (uint16_t)size};
  queue->descriptors = (struct queue_descriptor *)pages;
  queue->available_ring = (volatile uint16_t *)(pages + descriptor_bytes);
  queue->used_ring = (volatile uint16_t *)(pages + descriptor_bytes + available_bytes);
  r[REGISTER_QUEUE_SIZE] = size;
  write_address(r, REGISTER_QUEUE_DESCRIPTORS, queue->descriptors);
  write_address(r, REGISTER_QUEUE_DRIVER, queue->available_ring);
  write_address(r, REGISTER_QUEUE_DEVICE, queue->used_ring);
  r[REGISTER_QUEUE_READY] = 1;
  queue_interrupt(queue, false);
}

void virtio_ready(struct virtio_device *device) {
  device->registers[REGISTER_STATUS] = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK;
  interrupt_enable(device->interrupt);
}

uint8_t virtio_config8(const struct virtio_device *device, uint32_t offset) {
  return ((volatile uint8_t *)(device->registers + REGISTER_CONFIG))[offset];
}
uint16_t virtio_config16(const struct virtio_device *device, uint32_t offset) {
  return *(volatile uint16_t *)((volatile uint8_t *)(device->registers + REGISTER_CONFIG) + offset);
}
uint32_t virtio_config32(const struct virtio_device *device, uint32_t offset) {
  return *(volatile uint32_t *)((volatile uint8_t *)(device->registers + REGISTER_CONFIG) + offset);
}

void queue_push(struct queue *queue, uint16_t head) {
  queue->available_ring[2 + queue->available % queue->size] = head;
  queue->available++;
}

void queue_notify(struct queue *queue) {
  uint16_t before = queue->notified, now = queue->available;
  if (before == now) return;
  __asm__ volatile("" : : : "memory");
  queue->available_ring[1] = now;
  queue->notified = now;
  fence();
  bool wanted;
  if (queue->device->features & FEATURE_EVENT_INDEX) {
    uint16_t event = queue->used_ring[2 + 4 * queue->size];
    wanted = (uint16_t)(now - event - 1) < (uint16_t)(now - before); /* §2.7.10, vring_need_event */
  } else {
    wanted = (queue->used_ring[0] & USED_NO_NOTIFY) == 0;
  }
  if (wanted) queue->device->registers[REGISTER_QUEUE_NOTIFY] = queue->index;
}

bool queue_pending(const struct queue *queue) { return queue->used_ring[1] != queue->used; }

bool queue_pop(struct queue *queue, uint16_t *head, uint32_t *length) {
  if (!queue_pending(queue)) return false;
  __asm__ volatile("" : : : "memory");
  volatile struct queue_used *entry = (volatile struct queue_used *)(queue->used_ring + 2) + queue->used % queue->size;
  if (entry->id >= queue->size) panic("virtio device returned a buffer it was never given");
  *head = (uint16_t)entry->id;
  *length = entry->length;
  queue->used++;
  return true;
}

void queue_interrupt(struct queue *queue, bool wanted) {
  if (queue->device->features & FEATURE_EVENT_INDEX) {
    /* Not wanted: an index that is as far away as can be. */
    queue->available_ring[2 + queue->size] = wanted ? queue->used : (uint16_t)(queue->used - 1);
  } else {
    queue->available_ring[0] = wanted ? 0 : AVAILABLE_NO_INTERRUPT;
  }
  fence();
}
