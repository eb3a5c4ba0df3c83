/*
 * A cable between two TAP devices with delay, rate, a bounded queue and seeded loss, the same in each direction.
 *
 *   lossy-bridge LEFT RIGHT DELAY_US RATE_MBIT QUEUE_BYTES LOSS_PER_MILLION SEED
 *
 * Creates both devices in its own network namespace (they may be moved) and prints "ready". Each direction is one
 * first-in-first-out queue: a frame is lost by chance as it comes, or dropped when the queue before the line holds
 * QUEUE_BYTES; it leaves the line RATE_MBIT (0: no limit) later than the one before it and arrives DELAY_US after that.
 * SIGTERM ends it with one line of JSON a direction: frames delivered, lost and dropped, and how late deliveries were
 * (microseconds behind schedule, mean and worst), which is how much the bridge itself distorted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_BYTES = 1600, SLOTS = 1 << 16, BATCH = 64 };

struct slot {
  uint64_t due_ns;
  uint32_t length;
  uint8_t frame[FRAME_BYTES];
};

struct direction {
  int in, out;
  /* Touched only as far as frames wait. */
  struct slot *slots;
  uint32_t first, count;
  /* When the line has sent all it was given. */
  uint64_t line_free_ns;
  uint64_t random;
  uint64_t delivered, bytes, lost, dropped, late_ns, latest_ns;
};

static uint64_t delay_ns, queue_bytes, loss_threshold;
static double ns_per_byte;
static volatile sig_atomic_t ended;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int open_tap(const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) die("/dev/net/tun");
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) < 0) die(name);
  return fd;
}

/* xorshift64* (Vigna 2016): upper 32 bits. */
static uint32_t next_random(uint64_t *state) {
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return (uint32_t)((*state * 2685821657736338717u) >> 32);
}

static struct slot *slot_at(struct direction *d, uint32_t index) { return &d->slots[(d->first + index) % SLOTS]; }

static void take(struct direction *d) {
  for (int i = 0; i < BATCH; i++) {
    if (d->count == SLOTS) return;
    struct slot *slot = slot_at(d, d->count);
    ssize_t length = read(d->in, slot->frame, FRAME_BYTES);
    if (length <= 0) return;
    if (next_random(&d->random) < loss_threshold) {
      d->lost++;
      continue;
    }
    uint64_t now = now_ns(), start = d->line_free_ns > now ? d->line_free_ns : now;
    if (ns_per_byte > 0 && (double)(start - now) > (double)queue_bytes * ns_per_byte) {
      d->dropped++;
      continue;
    }
    d->line_free_ns = start + (uint64_t)((double)length * ns_per_byte);
    slot->due_ns = d->line_free_ns + delay_ns;
    slot->length = (uint32_t)length;
    d->count++;
  }
}

/* Delivers what is due; returns when the next frame is, UINT64_MAX for none. */
static uint64_t deliver(struct direction *d) {
  uint64_t now = now_ns();
  while (d->count > 0) {
    struct slot *slot = slot_at(d, 0);
    if (slot->due_ns > now) return slot->due_ns;
    uint64_t late = now - slot->due_ns;
    d->late_ns += late;
    if (late > d->latest_ns) d->latest_ns = late;
    /* A device that is down takes nothing: lost, as on a cable that is not plugged in. */
    if (write(d->out, slot->frame, slot->length) > 0) {
      d->delivered++;
      d->bytes += slot->length;
    }
    d->first = (d->first + 1) % SLOTS;
    d->count--;
  }
  return UINT64_MAX;
}

static void end(int signal) {
  (void)signal;
  ended = 1;
}

static void direction_open(struct direction *d, int in, int out, uint64_t seed) {
  *d = (struct direction){.in = in, .out = out, .random = seed * 0x9e3779b97f4a7c15u + 1};
  d->slots = mmap(NULL, sizeof(struct slot) * SLOTS, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (d->slots == MAP_FAILED) die("mmap");
}

static void report(const struct direction *d) {
  printf("{\"delivered\":%llu,\"bytes\":%llu,\"lost\":%llu,\"dropped\":%llu,\"lateMeanUs\":%.0f,\"lateWorstUs\":%.0f}\n",
         (unsigned long long)d->delivered, (unsigned long long)d->bytes, (unsigned long long)d->lost,
         (unsigned long long)d->dropped, d->delivered ? (double)d->late_ns / (double)d->delivered / 1e3 : 0,
         (double)d->latest_ns / 1e3);
}

int main(int argc, char **argv) {
  static struct direction directions[2];
  if (argc != 8) {
    fprintf(stderr, "usage: lossy-bridge LEFT RIGHT DELAY_US RATE_MBIT QUEUE_BYTES LOSS_PER_MILLION SEED\n");
    return 2;
  }
  double rate_mbit = atof(argv[4]);
  delay_ns = strtoull(argv[3], NULL, 10) * 1000;
  ns_per_byte = rate_mbit > 0 ? 8000 / rate_mbit : 0;
  queue_bytes = strtoull(argv[5], NULL, 10);
  loss_threshold = (uint64_t)(strtod(argv[6], NULL) / 1e6 * 4294967296.0);
  uint64_t seed = strtoull(argv[7], NULL, 10);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  /* Sleeps end when they should: the default slack of 50 us would be added to every delay. */
  prctl(PR_SET_TIMERSLACK, 1);
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  int left = open_tap(argv[1]), right = open_tap(argv[2]);
  direction_open(&directions[0], left, right, 2 * seed + 1);
  direction_open(&directions[1], right, left, 2 * seed + 2);
  printf("ready\n");
  fflush(stdout);
  while (!ended) {
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
      take(&directions[i]);
      uint64_t due = deliver(&directions[i]);
      if (due < next) next = due;
    }
    struct pollfd waiting[2];
    for (int i = 0; i < 2; i++)
      waiting[i] = (struct pollfd){.fd = directions[i].in, .events = directions[i].count < SLOTS ? POLLIN : 0};
    uint64_t now = now_ns(), wait = next > now ? next - now : 0;
    struct timespec timeout = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
    if (ppoll(waiting, 2, next == UINT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR) die("ppoll");
  }
  for (int i = 0; i < 2; i++) report(&directions[i]);
  return 0;
}
