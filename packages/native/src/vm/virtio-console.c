/* virtio-console (virtio 1.2 §5.3): port 0 is standard output, 1 standard error, 2 the control channel between host and
 * unikernel. Output that the host does not take within a while is dropped: a unikernel never waits for a reader.
 * Without such a device (Firecracker) both outputs go to the serial port. */
#include "virtio.h"
#include "cpu.h"

#define FEATURE_MULTIPORT (1ull << 1)
#define CONFIG_PORTS_MAX 4
#define PORT_OUTPUT 0
#define PORT_ERROR 1
#define PORT_CONTROL 2
#define PORT_COUNT 3
#define QUEUE_CONTROL_RECEIVE 2
#define QUEUE_CONTROL_TRANSMIT 3

struct control_message {
  uint32_t port;
  uint16_t event, value;
};
#define EVENT_DEVICE_READY 0
#define EVENT_PORT_READY 3
#define EVENT_PORT_OPEN 6
/* A message is followed by the port's name in one case; longer names are cut off. */
#define MESSAGE_BYTES 64
#define MESSAGES 16

#define SLOTS 8
#define SLOT_BYTES 4096
#define WAIT_NS 100000000ull

struct port {
  struct queue transmit, receive;
  uint8_t *slots;    /* SLOTS * SLOT_BYTES, sent */
  uint32_t busy;     /* bit per slot */
  uint8_t *received; /* one page */
  bool present, stalled;
};

static struct virtio_device *console;
static struct port ports[PORT_COUNT];
static struct queue messages;
static uint8_t *message_bytes; /* MESSAGES * MESSAGE_BYTES */

static void reclaim(struct port *port) {
  uint16_t head;
  uint32_t length;
  while (queue_pop(&port->transmit, &head, &length)) {
    port->busy &= ~(1u << head);
    port->stalled = false;
  }
}

/* False when `busy` did not shrink to allow it in time. */
static bool wait_for(struct port *port, bool all) {
  uint64_t start = clock_monotonic_ns();
  for (;;) {
    reclaim(port);
    if (all ? port->busy == 0 : port->busy != (1u << SLOTS) - 1) return true;
    if (port->stalled || clock_monotonic_ns() - start > WAIT_NS) return false;
    cpu_relax();
  }
}

static void port_write(struct port *port, const char *text, uint32_t length) {
  while (length > 0) {
    if (!wait_for(port, false)) {
      port->stalled = true;
      return;
    }
    uint16_t slot = (uint16_t)__builtin_ctz(~port->busy);
    uint32_t count = length < SLOT_BYTES ? length : SLOT_BYTES;
    uint8_t *bytes = port->slots + slot * SLOT_BYTES;
    memcpy(bytes, text, count);
    port->transmit.descriptors[slot] = (struct queue_descriptor){physical_address(bytes), count, 0, 0};
    port->busy |= 1u << slot;
    queue_push(&port->transmit, slot);
    queue_notify(&port->transmit);
    text += count;
    length -= count;
  }
}

static void receive_again(struct port *port) {
  port->receive.descriptors[0] =
      (struct queue_descriptor){physical_address(port->received), VM_PAGE_BYTES, DESCRIPTOR_WRITE, 0};
  queue_push(&port->receive, 0);
  queue_notify(&port->receive);
}

static void port_attach(uint32_t number) {
  struct port *port = &ports[number];
  uint16_t first = number == 0 ? 0 : (uint16_t)(2 + 2 * number);
  virtio_queue(console, first, SLOTS, &port->receive);
  virtio_queue(console, first + 1, SLOTS, &port->transmit);
  port->slots = pages_zeroed(SLOTS * SLOT_BYTES / VM_PAGE_BYTES);
  port->received = pages_zeroed(1);
  port->present = true;
}

static void message_again(uint16_t number) {
  uint64_t address = physical_address(message_bytes + number * MESSAGE_BYTES);
  messages.descriptors[number] = (struct queue_descriptor){address, MESSAGE_BYTES, DESCRIPTOR_WRITE, 0};
  queue_push(&messages, number);
}

/* The host's messages: only the end of the control channel matters. The host is gone then, and so are we. */
static void messages_take(void) {
  uint16_t head;
  uint32_t length;
  while (queue_pop(&messages, &head, &length)) {
    struct control_message message;
    memcpy(&message, message_bytes + head * MESSAGE_BYTES, sizeof message);
    if (message.port == PORT_CONTROL && message.event == EVENT_PORT_OPEN && message.value == 0) power_cut();
    message_again(head);
  }
  queue_notify(&messages);
}

/* Tells the host that we drive the device and that our ports are open (§5.3.6.2). */
static void control_greet(void) {
  struct queue transmit;
  virtio_queue(console, QUEUE_CONTROL_RECEIVE, MESSAGES, &messages);
  virtio_queue(console, QUEUE_CONTROL_TRANSMIT, 8, &transmit);
  virtio_ready(console);
  uint8_t *page = pages_zeroed(1);
  message_bytes = page;
  for (uint16_t i = 0; i < messages.size; i++) message_again(i);
  queue_notify(&messages);
  struct control_message *greetings = (struct control_message *)(page + MESSAGES * MESSAGE_BYTES);
  uint16_t count = 0;
  greetings[count++] = (struct control_message){0, EVENT_DEVICE_READY, 1};
  for (uint32_t port = 0; port < PORT_COUNT; port++) {
    if (!ports[port].present) continue;
    greetings[count++] = (struct control_message){port, EVENT_PORT_READY, 1};
    greetings[count++] = (struct control_message){port, EVENT_PORT_OPEN, 1};
  }
  for (uint16_t i = 0; i < count; i++) {
    uint64_t address = physical_address(&greetings[i]);
    transmit.descriptors[i] = (struct queue_descriptor){address, sizeof greetings[i], 0, 0};
    queue_push(&transmit, i);
  }
  queue_notify(&transmit);
}

void console_attach(struct virtio_device *device) {
  if (console != NULL) return;
  console = device;
  virtio_begin(device, FEATURE_MULTIPORT);
  bool several = (device->features & FEATURE_MULTIPORT) != 0;
  uint32_t count = several ? virtio_config32(device, CONFIG_PORTS_MAX) : 1;
  for (uint32_t port = 0; port < PORT_COUNT && port < count; port++) port_attach(port);
  if (several)
    control_greet();
  else
    virtio_ready(device);
  if (ports[PORT_CONTROL].present) receive_again(&ports[PORT_CONTROL]);
}

void console_write(uint32_t stream, const char *text, uint32_t length) {
  struct port *port = &ports[stream == 2 ? PORT_ERROR : PORT_OUTPUT];
  if (!port->present) port = &ports[PORT_OUTPUT];
  if (port->present)
    port_write(port, text, length);
  else
    early_write(text, length);
}

bool console_has_control(void) { return ports[PORT_CONTROL].present; }

void console_control_write(const char *text, uint32_t length) {
  if (ports[PORT_CONTROL].present) port_write(&ports[PORT_CONTROL], text, length);
}

uint32_t console_control_read(char *text, uint32_t capacity) {
  struct port *port = &ports[PORT_CONTROL];
  uint16_t head;
  uint32_t length;
  if (!port->present || !queue_pop(&port->receive, &head, &length)) return 0;
  if (length > capacity) panic("control message too long");
  memcpy(text, port->received, length);
  receive_again(port);
  return length;
}

bool console_pending(bool sleeping) {
  struct port *port = &ports[PORT_CONTROL];
  if (!port->present) return false;
  if (sleeping) {
    queue_interrupt(&port->receive, true);
    queue_interrupt(&messages, true);
  }
  messages_take();
  return queue_pending(&port->receive);
}

void console_flush(void) {
  for (uint32_t port = 0; port < PORT_COUNT; port++)
    if (ports[port].present) wait_for(&ports[port], true);
}
