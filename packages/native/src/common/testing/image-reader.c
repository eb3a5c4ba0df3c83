/*
 * The image reader of the native runtimes alone, for tests that feed it images of every shape.
 *
 * In: hexadecimal digests of engine and libos and their numbers of globals (arguments); on standard input, images,
 * each after its length (u32, little-endian). Out: a line per image: "ok" or the reader's error. Each image lies in an
 * allocation of exactly its length, so that the address sanitizer sees every byte read outside.
 */
#include <stdio.h>
#include <stdlib.h>

#include "unikernel.h"

uint8_t noos_engine_digest[32], noos_libos_digest[32];
uint32_t noos_engine_global_count, noos_libos_global_count;

static void from_hexadecimal(const char *text, uint8_t digest[32]) {
  for (int i = 0; i < 32; i++) sscanf(text + 2 * i, "%2hhx", &digest[i]);
}

/* Reads every byte that a runtime would map or copy, as it would. */
static uint32_t touch(const struct noos_image *image) {
  uint32_t sum = 0;
  for (unsigned type = 0; type < NOOS_SECTION_TYPES; type++)
    for (uint64_t i = 0; i < image->sections[type].length; i++) sum += image->sections[type].bytes[i];
  return sum;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  from_hexadecimal(argv[1], noos_engine_digest);
  from_hexadecimal(argv[2], noos_libos_digest);
  noos_engine_global_count = (uint32_t)atoi(argv[3]);
  noos_libos_global_count = (uint32_t)atoi(argv[4]);
  uint32_t length, sum = 0;
  while (fread(&length, sizeof length, 1, stdin) == 1) {
    uint8_t *bytes = malloc(length);
    if (fread(bytes, 1, length, stdin) != length) return 2;
    struct noos_image image;
    const char *error = noos_image_parse(&image, bytes, length);
    if (error == NULL && !noos_image_digest_matches(&image)) error = "the content digest does not match";
    if (error == NULL) sum += touch(&image);
    puts(error == NULL ? "ok" : error);
    free(bytes);
  }
  return sum == 1 ? 3 : 0;
}
