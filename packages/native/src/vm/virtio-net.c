/* virtio-net (virtio 1.2 §5.1): frames are copied between the unikernel and buffers of ours, so that a device never sees
 * its memory. Devices are notified of frames once per turn; they interrupt only while the machine sleeps. */
#include "virtio.h"
#include "noos_platform.h"

#define FEATURE_CSUM (1ull << 0)
#define FEATURE_GUEST_CSUM (1ull << 1)
#define FEATURE_MTU (1ull << 3)
#define FEATURE_MAC (1ull << 5)
#define FEATURE_GUEST_TSO4 (1ull << 7)
#define FEATURE_HOST_TSO4 (1ull << 11)
#define FEATURE_MERGE (1ull << 15)
#define OFFLOADS (FEATURE_CSUM | FEATURE_GUEST_CSUM | FEATURE_GUEST_TSO4 | FEATURE_HOST_TSO4)
#define CONFIG_MAC 0
#define CONFIG_MTU 10
#define HEADER_BYTES 12
#define HEADER_BUFFERS 10
#define ETHERNET_BYTES 18 /* header with one VLAN tag */
#define MTU_DEFAULT_BYTES 1500u
#define MERGE_BUFFER_BYTES 2048u
/* 65,535 bytes of IPv4 with Ethernet and virtio headers, rounded up. */
#define SEGMENT_BUFFER_BYTES 65792u
#define RECEIVE_BUFFERS 256
#define TRANSMIT_BUFFERS 256
/* Of buffers larger than a page, to bound what they take. */
#define LARGE_BUFFERS 64
#define NETS_MAX 4

struct net {
  struct queue receive, transmit;
  uint8_t *receive_buffers, *transmit_buffers;
  uint32_t receive_bytes, transmit_bytes; /* per buffer */
  uint16_t transmit_free[TRANSMIT_BUFFERS];
  uint16_t transmit_free_count;
  bool merge, refused; /* refused: a frame was turned away and TRANSMIT_READY is owed */
  struct net_properties properties;
};

static struct net nets[NETS_MAX];
static uint32_t count;
static uint64_t frames_sent;

uint32_t net_count(void) { return count; }
uint64_t net_frames_sent(void) { return frames_sent; }
struct net_properties net_properties(uint32_t device) { return nets[device].properties; }

static uint8_t *buffers_take(uint32_t bytes, uint32_t number) {
  return physical(pages_take((bytes * number + VM_PAGE_BYTES - 1) / VM_PAGE_BYTES));
}

void net_attach(struct virtio_device *device) {
  if (count == NETS_MAX) panic("more than 4 network devices");
  struct net *net = &nets[count++];
  virtio_begin(device, OFFLOADS | FEATURE_MTU | FEATURE_MAC | FEATURE_MERGE);
  net->merge = (device->features & FEATURE_MERGE) != 0;
  uint32_t mtu = device->features & FEATURE_MTU ? virtio_config16(device, CONFIG_MTU) : MTU_DEFAULT_BYTES;
  net->properties.mtu_bytes = mtu;
  net->properties.features = (uint32_t)(device->features & OFFLOADS);
  for (uint32_t i = 0; i < 6; i++) net->properties.mac[i] = virtio_config8(device, CONFIG_MAC + i);

  uint32_t frame_bytes = (HEADER_BYTES + ETHERNET_BYTES + mtu + 63) & ~63u;
  bool segments_in = (device->features & FEATURE_GUEST_TSO4) != 0, segments_out = (device->features & FEATURE_HOST_TSO4) != 0;
  net->receive_bytes = net->merge ? MERGE_BUFFER_BYTES : segments_in ? SEGMENT_BUFFER_BYTES : frame_bytes;
  net->transmit_bytes = segments_out ? SEGMENT_BUFFER_BYTES : frame_bytes;
  virtio_queue(device, 0, net->receive_bytes > VM_PAGE_BYTES ? LARGE_BUFFERS : RECEIVE_BUFFERS, &net->receive);
  virtio_queue(device, 1, net->transmit_bytes > VM_PAGE_BYTES ? LARGE_BUFFERS : TRANSMIT_BUFFERS, &net->transmit);
  net->receive_buffers = buffers_take(net->receive_bytes, net->receive.size);
  net->transmit_buffers = buffers_take(net->transmit_bytes, net->transmit.size);
  for (uint16_t i = 0; i < net->receive.size; i++) {
    uint64_t address = physical_address(net->receive_buffers + i * net->receive_bytes);
    net->receive.descriptors[i] = (struct queue_descriptor){address, net->receive_bytes, DESCRIPTOR_WRITE, 0};
    queue_push(&net->receive, i);
  }
  for (uint16_t i = 0; i < net->transmit.size; i++) net->transmit_free[net->transmit_free_count++] = i;
  virtio_ready(device);
  queue_notify(&net->receive);
}

uint32_t noos_net_receive(uint32_t device, uint8_t *frame, uint32_t capacity) {
  if (device >= count) return 0;
  struct net *net = &nets[device];
  for (;;) {
    uint16_t head;
    uint32_t length, total = 0, parts = 1;
    for (uint32_t part = 0; part < parts; part++) {
      /* The device hands over all parts of a frame at once (§5.1.6.4). */
      if (!queue_pop(&net->receive, &head, &length)) return 0;
      const uint8_t *bytes = net->receive_buffers + head * net->receive_bytes;
      if (length > net->receive_bytes) length = net->receive_bytes;
      if (part == 0 && net->merge && length >= HEADER_BYTES) parts = bytes[HEADER_BUFFERS] | bytes[HEADER_BUFFERS + 1] << 8;
      if (total + length <= capacity) memcpy(frame + total, bytes, length);
      total += length;
      queue_push(&net->receive, head);
    }
    if (total > HEADER_BYTES && total <= capacity) return total;
  }
}

static void transmit_reclaim(struct net *net) {
  uint16_t head;
  uint32_t length;
  while (queue_pop(&net->transmit, &head, &length)) net->transmit_free[net->transmit_free_count++] = head;
}

uint32_t noos_net_transmit(uint32_t device, const uint8_t *frame, uint32_t length) {
  if (device >= count) return 1;
  struct net *net = &nets[device];
  if (length <= HEADER_BYTES || length > net->transmit_bytes) return 1; /* taken and dropped, as a wire would */
  if (net->transmit_free_count == 0) {
    queue_notify(&net->transmit);
    transmit_reclaim(net);
    if (net->transmit_free_count == 0) {
      net->refused = true;
      return 0;
    }
  }
  uint16_t slot = net->transmit_free[--net->transmit_free_count];
  uint8_t *bytes = net->transmit_buffers + slot * net->transmit_bytes;
  memcpy(bytes, frame, length);
  net->transmit.descriptors[slot] = (struct queue_descriptor){physical_address(bytes), length, 0, 0};
  queue_push(&net->transmit, slot);
  frames_sent++;
  return 1;
}

uint32_t net_events(bool sleeping) {
  uint32_t events = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct net *net = &nets[i];
    if (sleeping) {
      queue_interrupt(&net->receive, true);
      queue_interrupt(&net->transmit, net->refused);
    }
    if (queue_pending(&net->receive)) events |= NOOS_EVENT_RECEIVE_READY;
    if (net->refused) transmit_reclaim(net);
    if (net->refused && net->transmit_free_count > 0) {
      net->refused = false;
      events |= NOOS_EVENT_TRANSMIT_READY;
    }
  }
  return events;
}

void net_flush(void) {
  for (uint32_t i = 0; i < count; i++) {
    queue_notify(&nets[i].transmit);
    queue_notify(&nets[i].receive);
    transmit_reclaim(&nets[i]);
  }
}
