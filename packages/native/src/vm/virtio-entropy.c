/* virtio-rng (virtio 1.2 §5.4): one read at start keys the generator in random.c; RDRAND, when present, is mixed in. */
#include "cpu.h"
#include "virtio.h"

#define SEED_BYTES 32
#define CPUID_RDRAND (1u << 30)
#define PATIENCE_TICKS 20000000000ull

static struct virtio_device *entropy_device;

void entropy_attach(struct virtio_device *device) {
  if (entropy_device == NULL) entropy_device = device;
}

static bool processor_random(uint64_t *value) {
  uint8_t good;
  __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(good) : : "cc");
  return good != 0;
}

void entropy_seed(void) {
  if (entropy_device == NULL) panic("no entropy device (QEMU: -device virtio-rng-device)");
  struct queue queue;
  virtio_begin(entropy_device, 0);
  virtio_queue(entropy_device, 0, 4, &queue);
  virtio_ready(entropy_device);
  uint8_t *bytes = pages_zeroed(1);
  for (uint32_t have = 0; have < SEED_BYTES;) {
    uint16_t head;
    uint32_t length;
    queue.descriptors[0] = (struct queue_descriptor){physical_address(bytes + have), SEED_BYTES - have, DESCRIPTOR_WRITE, 0};
    queue_push(&queue, 0);
    queue_notify(&queue);
    uint64_t start = timestamp();
    while (!queue_pop(&queue, &head, &length)) {
      if (timestamp() - start > PATIENCE_TICKS) panic("the entropy device does not answer");
      cpu_relax();
    }
    have += length;
  }
  if ((cpuid(1).c & CPUID_RDRAND) != 0)
    for (uint32_t i = 0; i < SEED_BYTES / 8; i++) {
      uint64_t value;
      if (processor_random(&value)) ((uint64_t *)bytes)[i] ^= value;
    }
  random_seed(bytes);
  memset(bytes, 0, SEED_BYTES);
}
