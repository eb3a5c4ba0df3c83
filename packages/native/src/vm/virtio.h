/* Virtio 1.2 over memory-mapped registers (§4.2) with split queues (§2.7), and the four devices the target drives. */
#ifndef NOOS_VM_VIRTIO_H
#define NOOS_VM_VIRTIO_H
#include "vm.h"

#define VIRTIO_NET 1
#define VIRTIO_BLOCK 2
#define VIRTIO_CONSOLE 3
#define VIRTIO_ENTROPY 4

struct virtio_device {
  volatile uint32_t *registers;
  uint32_t kind, interrupt;
  uint64_t features; /* negotiated */
};

struct queue_descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags, next;
};
struct queue_used {
  uint32_t id, length;
};
/* One queue whose descriptors are used singly or in fixed chains laid out by the driver: no free list is kept here. */
struct queue {
  struct virtio_device *device;
  uint16_t index, size;
  uint16_t available, used, notified; /* available: our next index; used: next to take */
  struct queue_descriptor *descriptors;
  volatile uint16_t *available_ring; /* flags, index, ring[size], used_event */
  volatile uint16_t *used_ring;      /* flags, index, then {id, length}[size], available_event */
};

#define DESCRIPTOR_NEXT 1
#define DESCRIPTOR_WRITE 2

/* Calls `found` for each device that the command line names (virtio_mmio.device=512@0xfeb00e00:12) and that exists. */
void virtio_discover(void (*found)(struct virtio_device *device));
/* Resets the device and agrees on `wanted` as far as offered (VERSION_1 is added and required). */
void virtio_begin(struct virtio_device *device, uint64_t wanted);
/* Creates queue `index` with at most `size_limit` entries. */
void virtio_queue(struct virtio_device *device, uint16_t index, uint16_t size_limit, struct queue *queue);
/* Sets DRIVER_OK and routes the interrupt. */
void virtio_ready(struct virtio_device *device);
uint8_t virtio_config8(const struct virtio_device *device, uint32_t offset);
uint16_t virtio_config16(const struct virtio_device *device, uint32_t offset);
uint32_t virtio_config32(const struct virtio_device *device, uint32_t offset);

/* Makes the chain that starts at `head` available; the device hears of it at queue_notify. */
void queue_push(struct queue *queue, uint16_t head);
void queue_notify(struct queue *queue);
/* Takes the next used chain: its head, and in *length the bytes written; false when there is none. */
bool queue_pop(struct queue *queue, uint16_t *head, uint32_t *length);
bool queue_pending(const struct queue *queue);
/* Asks for an interrupt at the next used chain (or no longer). The caller must look at queue_pending afterwards. */
void queue_interrupt(struct queue *queue, bool wanted);

/* virtio-net.c */
void net_attach(struct virtio_device *device);
uint32_t net_count(void);
/* Frames handed to all devices so far. */
uint64_t net_frames_sent(void);
struct net_properties {
  uint8_t mac[6];
  uint32_t mtu_bytes, features;
};
struct net_properties net_properties(uint32_t device);
/* Set of turn events that are due; with `sleeping` also asks the devices for interrupts. */
uint32_t net_events(bool sleeping);
/* Tells the devices about frames and buffers handed over since the last call. */
void net_flush(void);

/* virtio-block.c */
void block_attach(struct virtio_device *device);
uint32_t block_events(bool sleeping);

/* virtio-console.c: port 0 standard output, port 1 standard error, port 2 control. */
void console_attach(struct virtio_device *device);
void console_write(uint32_t stream, const char *text, uint32_t length);
/* Bytes to the host's control channel; dropped when there is none. */
void console_control_write(const char *text, uint32_t length);
/* Takes bytes that the host wrote to the control channel. */
uint32_t console_control_read(char *text, uint32_t capacity);
bool console_has_control(void);
bool console_pending(bool sleeping);
/* Waits until the host has taken what was written (at most 100 ms). */
void console_flush(void);

/* virtio-entropy.c: seeds random.c; panics when there is no device. */
void entropy_attach(struct virtio_device *device);
void entropy_seed(void);

#endif
