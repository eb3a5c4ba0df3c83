/*
 * Image parser: bytes in, checked sections out. Layout: packages/abi/src/image-layout.ts.
 *
 * Every field is foreign until checked here. May include: unikernel.h, links.h (digests of this runtime), sha256.h.
 */
#include <stddef.h>
#include <string.h>

#include "links.h"
#include "sha256.h"
#include "unikernel.h"

_Static_assert(NOOS_SECTION_TYPES == NOOS_IMAGE_SECTION_PARAMETERS + 1, "a slot per section type");

static uint32_t load_u32(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static uint64_t load_u64(const uint8_t *bytes) {
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

/* Reads the table into `image->sections`. */
static const char *parse_sections(struct noos_image *image) {
  uint32_t count = load_u32(image->bytes + NOOS_IMAGE_HEADER_SECTION_COUNT);
  if (count > (image->length - NOOS_IMAGE_HEADER_BYTES) / NOOS_IMAGE_SECTION_BYTES)
    return "the image's section table is longer than the file: build the image again";
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t *entry = image->bytes + NOOS_IMAGE_HEADER_BYTES + (uint64_t)i * NOOS_IMAGE_SECTION_BYTES;
    uint32_t type = load_u32(entry + NOOS_IMAGE_ENTRY_TYPE);
    uint64_t offset = load_u64(entry + NOOS_IMAGE_ENTRY_OFFSET);
    uint64_t length = load_u64(entry + NOOS_IMAGE_ENTRY_LENGTH);
    if (type == 0 || type >= NOOS_SECTION_TYPES)
      return "the image has a section this runtime does not know: use the Noos version that built it";
    if (image->sections[type].bytes != NULL) return "the image has a section twice: build the image again";
    if (offset % NOOS_IMAGE_PAGE_BYTES != 0 || offset > image->length || length > image->length - offset)
      return "a section lies outside the image: build the image again";
    image->sections[type] = (struct noos_section){
        image->bytes + offset, offset, length, load_u64(entry + NOOS_IMAGE_ENTRY_VALUE)};
  }
  return NULL;
}

/* Checks globals, pages and runs of one memory against each other. */
static const char *check_memory(const struct noos_image *image, uint32_t globals_type, uint32_t global_count) {
  const struct noos_section *globals = &image->sections[globals_type];
  const struct noos_section *pages = globals + 1, *runs = globals + 2;
  if (globals->bytes == NULL || pages->bytes == NULL || runs->bytes == NULL)
    return "the image lacks a memory: build the image again";
  if (globals->length != (uint64_t)global_count * 8)
    return "the image's globals are not this runtime's: build the image again";
  if (pages->value == 0 || pages->value > NOOS_WASM_MAX_PAGES || runs->length % 8 != 0)
    return "the image's memory size is impossible: build the image again";
  uint64_t memory_pages = pages->value * (NOOS_WASM_PAGE_BYTES / NOOS_IMAGE_PAGE_BYTES);
  uint64_t next = 0, stored = 0;
  for (uint64_t i = 0; i < runs->length; i += 8) {
    uint64_t first = load_u32(runs->bytes + i), count = load_u32(runs->bytes + i + 4);
    if (first < next || count > memory_pages || first > memory_pages - count)
      return "the image's page runs overlap or lie outside its memory: build the image again";
    next = first + count;
    stored += count;
  }
  if (stored * NOOS_IMAGE_PAGE_BYTES != pages->length)
    return "the image's page runs and pages differ in length: build the image again";
  return NULL;
}

const char *noos_image_parse(struct noos_image *image, const uint8_t *bytes, uint64_t length) {
  memset(image, 0, sizeof *image);
  image->bytes = bytes;
  image->length = length;
  if (length < NOOS_IMAGE_HEADER_BYTES || memcmp(bytes, NOOS_IMAGE_MAGIC, 8) != 0)
    return "not a Noos image: build one with `noos build`";
  if (load_u32(bytes + NOOS_IMAGE_HEADER_ABI_VERSION) != NOOS_ABI_VERSION)
    return "the image was built for another version of the platform interface: build it again with this Noos";
  if (load_u64(bytes + NOOS_IMAGE_HEADER_FILE_BYTES) != length)
    return "the image is truncated or has bytes appended: copy or build it again";
  if (memcmp(bytes + NOOS_IMAGE_HEADER_ENGINE_DIGEST, noos_engine_digest, 32) != 0)
    return "the image was built with another engine.wasm than this runtime: build both again";
  if (memcmp(bytes + NOOS_IMAGE_HEADER_LIBOS_DIGEST, noos_libos_digest, 32) != 0)
    return "the image was built with another libos.wasm than this runtime: build both again";
  const char *error = parse_sections(image);
  if (error == NULL && image->sections[NOOS_IMAGE_SECTION_MANIFEST].bytes == NULL)
    error = "the image has no manifest: build it again";
  if (error == NULL) error = check_memory(image, NOOS_IMAGE_SECTION_ENGINE_GLOBALS, noos_engine_global_count);
  if (error == NULL) error = check_memory(image, NOOS_IMAGE_SECTION_LIBOS_GLOBALS, noos_libos_global_count);
  return error;
}

bool noos_image_digest_matches(const struct noos_image *image) {
  uint8_t digest[32];
  noos_sha256(image->bytes + NOOS_IMAGE_HEADER_BYTES, image->length - NOOS_IMAGE_HEADER_BYTES, digest);
  return memcmp(digest, image->bytes + NOOS_IMAGE_HEADER_CONTENT_DIGEST, 32) == 0;
}
