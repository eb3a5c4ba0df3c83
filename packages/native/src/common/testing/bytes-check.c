/*
 * For the test of bytes.c: compares it with byte loops for every length, alignment and overlap of interest.
 * In: nothing. Out: exit code 0, or 1 with the first difference. May include: libc for printing.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { longest = 700, arena = 2048 };

static uint8_t ours[arena], expected[arena];
/* Through pointers, or the compiler would put its own loops in place of ours. */
static void *(*volatile copy)(void *, const void *, size_t) = memcpy;
static void *(*volatile move)(void *, const void *, size_t) = memmove;
static void *(*volatile fill)(void *, int, size_t) = memset;
static int (*volatile compare)(const void *, const void *, size_t) = memcmp;

static void prepare(void) {
  for (int i = 0; i < arena; i++) ours[i] = expected[i] = (uint8_t)(i * 131 + (i >> 8));
}

static int same(const char *what, int to, int from, int length) {
  for (int i = 0; i < arena; i++)
    if (ours[i] != expected[i]) {
      printf("%s: to %d from %d length %d differs at %d\n", what, to, from, length, i);
      return 0;
    }
  return 1;
}

int main(void) {
  for (int length = 0; length <= longest; length += length < 200 ? 1 : 7)
    for (int distance = -70; distance <= 70; distance++) {
      int from = 100, to = from + distance;
      uint8_t source[longest];
      prepare();
      for (int i = 0; i < length; i++) source[i] = expected[from + i];
      for (int i = 0; i < length; i++) expected[to + i] = source[i];
      if (move(ours + to, ours + from, (size_t)length) != ours + to || !same("memmove", to, from, length)) return 1;

      prepare();
      to = 1000 + (distance & 15);
      for (int i = 0; i < length; i++) expected[to + i] = expected[from + i];
      if (copy(ours + to, ours + from, (size_t)length) != ours + to || !same("memcpy", to, from, length)) return 1;
      if (compare(ours + to, ours + from, (size_t)length) != 0) return printf("memcmp: %d equal bytes\n", length), 1;
      if (length > 0) {
        ours[to + length - 1]++;
        int greater = ours[to + length - 1] > ours[from + length - 1];
        if ((compare(ours + to, ours + from, (size_t)length) > 0) != greater)
          return printf("memcmp: sign at length %d\n", length), 1;
      }

      prepare();
      for (int i = 0; i < length; i++) expected[to + i] = (uint8_t)distance;
      if (fill(ours + to, distance, (size_t)length) != ours + to || !same("memset", to, distance, length)) return 1;
    }
  return 0;
}
