/*
 * Both ends of the bulk benchmarks on Linux sockets, with CUBIC.
 *
 *   tcp-bulk serve PORT              accepts; the client's first byte says what to do: 's' sink, 'g' generate
 *   tcp-bulk send ADDRESS PORT SECONDS       sends as fast as it can, prints bytes per second until all has arrived
 *   tcp-bulk receive ADDRESS PORT SECONDS    receives as fast as it can, prints bytes per second
 *
 * The unikernel's side (bench/apps/bulk.ts) serves the same one-byte protocol.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[256 * 1024];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

/* The same congestion control everywhere, whatever the machine's default is; accepted sockets inherit it. */
static void use_cubic(int connection) {
  if (setsockopt(connection, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) < 0) die("cubic");
}

static _Noreturn void serve(int port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  /* A process for each connection; nobody waits for its end. */
  signal(SIGCHLD, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  use_cubic(listener);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 16) < 0) die("listen");
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    char role;
    if (connection < 0) die("accept");
    if (fork() != 0) {
      close(connection);
      continue;
    }
    if (read(connection, &role, 1) == 1) {
      if (role == 's')
        while (read(connection, buffer, sizeof buffer) > 0) continue;
      else
        while (write(connection, buffer, sizeof buffer) > 0) continue;
    }
    exit(0);
  }
}

static int transfer(int sending, const char *host, int port, double seconds) {
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) die("address");
  use_cubic(connection);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  if (write(connection, sending ? "s" : "g", 1) != 1) die("write");
  double begin = now(), total = 0;
  while (now() - begin < seconds) {
    ssize_t count = sending ? write(connection, buffer, sizeof buffer) : read(connection, buffer, sizeof buffer);
    if (count <= 0) die("transfer");
    total += (double)count;
  }
  if (sending) {
    /* What is still in buffers and on the way counts with the time that it takes: the server closes after the last byte. */
    shutdown(connection, SHUT_WR);
    while (read(connection, buffer, sizeof buffer) > 0) continue;
  }
  printf("%.0f\n", total / (now() - begin));
  return 0;
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 3 && strcmp(argv[1], "serve") == 0) serve(atoi(argv[2]));
  if (argc == 5) return transfer(strcmp(argv[1], "send") == 0, argv[2], atoi(argv[3]), atof(argv[4]));
  fprintf(stderr, "usage: tcp-bulk serve PORT | send ADDRESS PORT SECONDS | receive ADDRESS PORT SECONDS\n");
  return 2;
}
