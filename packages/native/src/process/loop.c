/* The turn loop; see loop.h. May include: unikernel.h, net.h, block.h, fail.h. */
#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "block.h"
#include "fail.h"
#include "net.h"
#include "unikernel.h"

static const uint64_t never = UINT64_MAX;
static const uint64_t second_ns = 1000000000;

static int wake_fd = -1;
static volatile sig_atomic_t stop_signals;

/* A handler rather than a signalfd: a second signal must end even a turn that never ends. */
static void on_stop_signal(int number) {
  if (++stop_signals > 1) _exit(128 + number);
  uint64_t one = 1;
  ssize_t written = write(wake_fd, &one, sizeof one);
  (void)written;
}

int loop_watch_signals(void) {
  wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd < 0) fail(exit_failure, "signals", "eventfd", errno);
  struct sigaction action = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  /* A reader of the console that has gone is no reason to end. */
  signal(SIGPIPE, SIG_IGN);
  return wake_fd;
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * second_ns + (uint64_t)now.tv_nsec;
}

void noos_console_write(uint32_t stream, const uint8_t *text, uint32_t length) {
  int fd = stream == 2 ? STDERR_FILENO : STDOUT_FILENO;
  while (length > 0) {
    ssize_t count = write(fd, text, length);
    if (count < 0 && errno == EAGAIN) {
      struct pollfd full = {.fd = fd, .events = POLLOUT};
      ppoll(&full, 1, NULL, NULL);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text += count, length -= (uint32_t)count;
  }
}

void noos_entropy_read(uint8_t *bytes, uint32_t length) {
  while (length > 0) {
    ssize_t count = getrandom(bytes, length, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) noos_fault("the kernel gives no random bytes");
    bytes += count, length -= (uint32_t)count;
  }
}

/* Waits until something happens or `deadline_ns`; returns turn events. */
static uint32_t wait_for_events(uint64_t deadline_ns) {
  static bool stopping;
  uint32_t waiting = (block_ready() ? NOOS_EVENT_BLOCK_READY : 0) | (net_drained() ? 0 : NOOS_EVENT_RECEIVE_READY);
  /* Without its network nothing can reach or stop the unikernel any more. */
  if (net_gone() && !stopping) {
    stopping = true;
    return waiting | NOOS_EVENT_STOP;
  }
  struct pollfd fds[2] = {{.fd = wake_fd, .events = POLLIN}, {.fd = net_fd(), .events = net_poll_events()}};
  if (fds[1].events == 0) fds[1].fd = -1;
  struct timespec timeout = {0, 0};
  if (waiting == 0 && deadline_ns != never) {
    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
    timeout = (struct timespec){(time_t)(left_ns / second_ns), (long)(left_ns % second_ns)};
  }
  int count = ppoll(fds, 2, waiting == 0 && deadline_ns == never ? NULL : &timeout, NULL);
  if (count > 0) {
    waiting |= net_turn_events(fds[1].revents);
    if (fds[0].revents & POLLIN) {
      uint64_t signals;
      ssize_t taken = read(wake_fd, &signals, sizeof signals);
      (void)taken;
      if (!stopping) waiting |= NOOS_EVENT_STOP;
      stopping = true;
    }
  }
  return waiting;
}

void loop_run(void) {
  uint64_t deadline_ns = noos_unikernel_start(clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_REALTIME));
  for (;;) {
    net_flush();
    if (noos_exit_code() >= 0) _exit(noos_exit_code());
    uint32_t events = wait_for_events(deadline_ns);
    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    if (events == 0 && now_ns < deadline_ns) continue;
    deadline_ns = noos_unikernel_turn(now_ns, clock_ns(CLOCK_REALTIME), events);
  }
}
