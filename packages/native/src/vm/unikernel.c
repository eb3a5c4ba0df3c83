/* The guest of runtime-vm.elf: an image's unikernel, driven turn by turn. In: image (first module), start parameters from
 * devices, command line and control channel. Out: the platform interface; power-off with the exit code. */
#include "unikernel.h"
#include "noos_platform.h"
#include "virtio.h"
#include "vm.h"

#define EXIT_BAD_IMAGE 1
#define CONTROL_BYTES 65536
#define PARAMETERS_WAIT_NS 5000000000ull
#define PROBE_ROUNDS 2000000u

static char control[CONTROL_BYTES];
static uint32_t control_length;
static bool first_frame_sent;
static struct noos_image image;

_Noreturn static void refuse(const char *reason) {
  console_write(2, "noos: ", 6);
  console_write(2, reason, (uint32_t)text_length(reason));
  console_write(2, "\n", 1);
  power_off(EXIT_BAD_IMAGE);
}

void noos_console_write(uint32_t stream, const uint8_t *text, uint32_t length) {
  console_write(stream, (const char *)text, length);
}

void noos_entropy_read(uint8_t *bytes, uint32_t length) { random_read(bytes, length); }

void noos_memory_release(uint8_t *pages, uint32_t length) {
  uint64_t start = (uint64_t)pages, end = start + length;
  uint64_t first = (start + VM_PAGE_BYTES - 1) & ~(uint64_t)(VM_PAGE_BYTES - 1), last = end & ~(uint64_t)(VM_PAGE_BYTES - 1);
  if (first >= last) {
    memset(pages, 0, length);
    return;
  }
  memset(pages, 0, first - start);
  memset((uint8_t *)last, 0, end - last);
  region_release(first, last - first);
}

_Noreturn void noos_fault(const char *reason) { panic(reason); }

void noos_panic(const uint8_t *message, uint32_t length) {
  static char text[512];
  uint32_t count = length < sizeof text - 1 ? length : sizeof text - 1;
  memcpy(text, message, count);
  text[count] = 0;
  panic(text);
}

bool noos_memory_commit(uint8_t *address, uint64_t bytes) { return region_extend((uint64_t)address, bytes); }

bool noos_pages_place(uint8_t *address, uint64_t offset, uint64_t bytes) {
  region_map((uint64_t)address, start_information.image.start + offset, bytes);
  return true;
}

static uint32_t decimal(char *to, uint64_t value) {
  char digits[20];
  uint32_t length = 0;
  do digits[length++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  for (uint32_t i = 0; i < length; i++) to[i] = digits[length - 1 - i];
  return length;
}

static void add_parameter(const char *text, uint32_t length) {
  if (!noos_parameters_add(text, length)) refuse("the start parameters are longer than 64 KiB");
}

/* net.N.mac, net.N.mtu, net.N.features as the device says. */
static void add_net_parameters(uint32_t device) {
  struct net_properties properties = net_properties(device);
  char line[64] = "net.0.mac=";
  line[4] = (char)('0' + device);
  for (uint32_t i = 0; i < 6; i++) {
    line[10 + 3 * i] = "0123456789abcdef"[properties.mac[i] >> 4];
    line[11 + 3 * i] = "0123456789abcdef"[properties.mac[i] & 15];
    line[12 + 3 * i] = i == 5 ? '\n' : ':';
  }
  add_parameter(line, 28);
  memcpy(line + 6, "mtu=", 4);
  add_parameter(line, 10 + decimal(line + 10, properties.mtu_bytes));
  memcpy(line + 6, "features=", 9);
  add_parameter(line, 15 + decimal(line + 15, properties.features));
}

/* Options of the command line are parameters, except those of the machine itself; `%20` stands for a space. */
static void add_command_line(void) {
  struct option option;
  uint32_t position = 0;
  while (option_next(&position, &option)) {
    if (memcmp(option.key, "virtio_mmio.", 12) == 0 || memcmp(option.key, "noos.", 5) == 0) continue;
    static char line[VM_COMMAND_LINE_BYTES];
    uint32_t length = option.key_length + 1;
    memcpy(line, option.key, length);
    for (uint32_t i = 0; i < option.value_length; i++) {
      bool space = i + 2 < option.value_length && memcmp(option.value + i, "%20", 3) == 0;
      line[length++] = space ? ' ' : option.value[i];
      if (space) i += 2;
    }
    add_parameter(line, length);
  }
}

static bool command_line_says(const char *key, const char *value) {
  struct option option;
  uint32_t position = 0;
  while (option_next(&position, &option))
    if (option.key_length == text_length(key) && option.value_length == text_length(value) &&
        memcmp(option.key, key, option.key_length) == 0 && memcmp(option.value, value, option.value_length) == 0)
      return true;
  return false;
}

/* Takes a line from the control channel; its length, or 0 when no whole line has come. The line stays valid until
 * the next call. */
static uint32_t control_line(char **line) {
  static uint32_t taken;
  memmove(control, control + taken, control_length - taken);
  control_length -= taken;
  taken = 0;
  control_length += console_control_read(control + control_length, CONTROL_BYTES - control_length);
  for (uint32_t i = 0; i < control_length; i++)
    if (control[i] == '\n') {
      *line = control;
      taken = i + 1;
      return taken;
    }
  return 0;
}

/* Parameters that must not show in the host's process list come over the control channel, ended by an empty line. */
static void add_control_parameters(void) {
  if (!command_line_says("noos.parameters", "control")) return;
  uint64_t start = clock_monotonic_ns();
  for (;;) {
    char *line;
    uint32_t length = control_line(&line);
    if (length == 1) return;
    if (length > 1)
      add_parameter(line, length);
    else if (clock_monotonic_ns() - start > PARAMETERS_WAIT_NS)
      refuse("no start parameters came over the control port");
  }
}

static bool stop_asked(void) {
  char *line;
  uint32_t length = control_line(&line);
  return length == 5 && memcmp(line, "stop", 4) == 0;
}

static uint32_t pending(bool sleeping) {
  uint32_t events = net_events(sleeping) | block_events(sleeping);
  do
    if (stop_asked()) events |= NOOS_EVENT_STOP;
  while (console_pending(sleeping));
  return events;
}

static void after_turn(void) {
  net_flush();
  if (noos_exit_code() >= 0) power_off((uint32_t)noos_exit_code());
  if (first_frame_sent || net_frames_sent() == 0) return;
  first_frame_sent = true;
  if (!command_line_says("noos.report", "start")) return;
  char line[64] = "noos: first packet after ";
  uint32_t length = 25;
  length += decimal(line + length, clock_since_entry_ns() / 1000);
  memcpy(line + length, " us in the guest\n", 17);
  console_write(2, line, length + 17);
}

/* The host's question whether this machine computes at a processor's speed: a chain of dependent operations that takes
 * some milliseconds on one, and seconds where KVM itself is emulated. */
static void answer_probe(void) {
  if (!command_line_says("noos.probe", "speed")) return;
  uint64_t x = 88172645463325252ull;
  for (uint32_t i = 0; i < PROBE_ROUNDS; i++) x ^= x << 13, x ^= x >> 7, x ^= x << 17;
  power_off(x == 0); /* never 0: keeps the loop */
}

static void load_image(void) {
  struct memory_range file = start_information.image;
  if (file.start == file.end) refuse("no image: give one as the initial RAM disk");
  const char *wrong = noos_image_parse(&image, physical(file.start), file.end - file.start);
  if (wrong != NULL) refuse(wrong);
  /* 40 ms per MiB under TCG, which the host may have spent natively. */
  bool checked = command_line_says("noos.image", "checked");
  if (!checked && !noos_image_digest_matches(&image)) refuse("the image is damaged (its digest does not match): build it again");
  const struct noos_section *parameters = &image.sections[NOOS_IMAGE_SECTION_PARAMETERS];
  if (parameters->bytes != NULL) add_parameter((const char *)parameters->bytes, (uint32_t)parameters->length);
}

_Noreturn void guest_main(void) {
  answer_probe();
  load_image();
  for (uint32_t i = 0; i < net_count(); i++) add_net_parameters(i);
  add_command_line();
  add_control_parameters();
  const char *wrong = noos_unikernel_restore(&image);
  if (wrong != NULL) refuse(wrong);
  uint64_t deadline = noos_unikernel_start(clock_monotonic_ns(), clock_wall_ns());
  for (;;) {
    after_turn();
    uint32_t events = pending(false);
    uint64_t now = clock_monotonic_ns();
    if (events == 0 && now < deadline) {
      events = pending(true);
      if (events == 0) {
        clock_idle(deadline);
        continue;
      }
    }
    deadline = noos_unikernel_turn(now, clock_wall_ns(), events);
  }
}
