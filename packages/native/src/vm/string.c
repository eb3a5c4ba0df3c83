/* The memory functions gcc expects, without SSE (the fault handler uses them) and in words: `rep movs` runs byte by
 * byte under QEMU's TCG. Built with -fno-tree-loop-distribute-patterns, or they would call themselves. */
#include "vm.h"

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict destination, const void *restrict source, size_t length) {
  uint8_t *to = destination;
  const uint8_t *from = source;
  for (; length >= 32; length -= 32, to += 32, from += 32) {
    word a = ((const word *)from)[0], b = ((const word *)from)[1], c = ((const word *)from)[2], d = ((const word *)from)[3];
    ((word *)to)[0] = a;
    ((word *)to)[1] = b;
    ((word *)to)[2] = c;
    ((word *)to)[3] = d;
  }
  for (; length >= 8; length -= 8, to += 8, from += 8) *(word *)to = *(const word *)from;
  for (; length > 0; length--) *to++ = *from++;
  return destination;
}

void *memmove(void *destination, const void *source, size_t length) {
  uint8_t *to = destination;
  const uint8_t *from = source;
  if ((size_t)(to - from) >= length) return memcpy(destination, source, length);
  to += length;
  from += length;
  for (; length >= 8; length -= 8) {
    to -= 8;
    from -= 8;
    *(word *)to = *(const word *)from;
  }
  for (; length > 0; length--) *--to = *--from;
  return destination;
}

void *memset(void *destination, int value, size_t length) {
  uint8_t *to = destination;
  uint64_t pattern = (uint8_t)value * 0x0101010101010101ull;
  for (; length >= 32; length -= 32, to += 32) {
    ((word *)to)[0] = pattern;
    ((word *)to)[1] = pattern;
    ((word *)to)[2] = pattern;
    ((word *)to)[3] = pattern;
  }
  for (; length > 0; length--) *to++ = (uint8_t)value;
  return destination;
}

int memcmp(const void *a, const void *b, size_t length) {
  const uint8_t *left = a, *right = b;
  for (; length > 0; length--, left++, right++)
    if (*left != *right) return *left < *right ? -1 : 1;
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}
