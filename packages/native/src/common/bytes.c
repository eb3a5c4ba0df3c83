/*
 * memcpy, memmove, memset, memcmp for freestanding code. Compiled with -fno-tree-loop-distribute-patterns, or the
 * compiler would turn the loops into calls of themselves. Short ranges (most of a packet's) go by overlapping words,
 * long ones by 64 bytes at a time: measured, up to 3 times faster than `rep movs` below 4 KiB or misaligned, equal
 * above, and fast under QEMU's TCG, which does `rep movsb` byte by byte.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t word __attribute__((aligned(1), may_alias));
typedef uint32_t half __attribute__((aligned(1), may_alias));
typedef uint16_t quarter __attribute__((aligned(1), may_alias));
typedef long long vector __attribute__((vector_size(16), aligned(1), may_alias));

#define BLOCK_BYTES 64
/* From this length `rep stosq` beats the loop of words. */
#define REP_BYTES 512

/* Copies up to 32 bytes; all loads come before all stores, so ranges may overlap. */
static inline void copy_short(uint8_t *to, const uint8_t *from, size_t length) {
  if (length >= 16) {
    vector head = *(const vector *)from, tail = *(const vector *)(from + length - 16);
    *(vector *)to = head, *(vector *)(to + length - 16) = tail;
  } else if (length >= 8) {
    word head = *(const word *)from, tail = *(const word *)(from + length - 8);
    *(word *)to = head, *(word *)(to + length - 8) = tail;
  } else if (length >= 4) {
    half head = *(const half *)from, tail = *(const half *)(from + length - 4);
    *(half *)to = head, *(half *)(to + length - 4) = tail;
  } else if (length >= 2) {
    quarter head = *(const quarter *)from, tail = *(const quarter *)(from + length - 2);
    *(quarter *)to = head, *(quarter *)(to + length - 2) = tail;
  } else if (length == 1) {
    *to = *from;
  }
}

/* Copies BLOCK_BYTES; all loads come before all stores. */
static inline void copy_block(uint8_t *to, const uint8_t *from) {
  const vector *source = (const vector *)from;
  vector *destination = (vector *)to;
  vector a = source[0], b = source[1], c = source[2], d = source[3];
  destination[0] = a, destination[1] = b, destination[2] = c, destination[3] = d;
}

/* Copies 33 bytes or more, first byte first. */
static inline void copy_forward(uint8_t *to, const uint8_t *from, size_t length) {
  vector tail = *(const vector *)(from + length - 16);
  uint8_t *last = to + length - 16;
  for (; length > BLOCK_BYTES; length -= BLOCK_BYTES, to += BLOCK_BYTES, from += BLOCK_BYTES) copy_block(to, from);
  for (; to < last; to += 16, from += 16) *(vector *)to = *(const vector *)from;
  *(vector *)last = tail;
}

void *memcpy(void *restrict destination, const void *restrict source, size_t length) {
  if (length <= 32)
    copy_short(destination, source, length);
  else
    copy_forward(destination, source, length);
  return destination;
}

void *memmove(void *destination, const void *source, size_t length) {
  uint8_t *to = destination;
  const uint8_t *from = source;
  if (length <= 32) {
    copy_short(to, from, length);
  } else if ((size_t)(to - from) >= length) {
    /* The destination is below the source or apart from it: going forward overwrites only what was read. */
    copy_forward(to, from, length);
  } else {
    vector head = *(const vector *)from;
    size_t left = length;
    for (; left > BLOCK_BYTES; left -= BLOCK_BYTES) copy_block(to + left - BLOCK_BYTES, from + left - BLOCK_BYTES);
    for (; left > 16; left -= 16) *(vector *)(to + left - 16) = *(const vector *)(from + left - 16);
    *(vector *)to = head;
  }
  return destination;
}

void *memset(void *destination, int value, size_t length) {
  uint8_t *to = destination;
  uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;
  if (length >= REP_BYTES) {
    size_t words = length / 8;
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(pattern) : "memory");
    length %= 8;
  }
  for (; length >= 8; to += 8, length -= 8) *(word *)to = pattern;
  for (; length > 0; to++, length--) *to = (uint8_t)value;
  return destination;
}

int memcmp(const void *left, const void *right, size_t length) {
  const uint8_t *a = left, *b = right;
  for (; length >= 8 && *(const word *)a == *(const word *)b; a += 8, b += 8, length -= 8)
    ;
  for (; length > 0; a++, b++, length--)
    if (*a != *b) return *a - *b;
  return 0;
}
