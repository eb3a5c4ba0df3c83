/*
 * Glue between engine, libos and platform: bridge, platform shims, start parameters, restoring an image, turns.
 *
 * In: a checked image, clocks. Out: calls of the target's platform functions. The connections that follow from the
 * modules' import and export sections are generated (links.c). May include: unikernel.h, links.h, wasm_rt.h.
 */
#include "unikernel.h"

#include <stddef.h>
#include <string.h>

#include "links.h"
#include "wasm_rt.h"

static char parameters[65536];
static uint32_t parameters_length;
static int exit_code = -1;

/* A range of a memory as a pointer; a range outside is a fault, as it would be a trap in wasm. */
static inline uint8_t *range(const wasm_rt_memory_t *memory, uint32_t address, uint32_t length) {
  if ((uint64_t)address + length > memory->size) noos_fault("a range handed out lies outside its memory");
  return memory->data + address;
}
#define LIBOS_RANGE(address, length) range(Z_libosZ_memory(&noos_libos), address, length)
#define ENGINE_RANGE(address, length) range(Z_engineZ_memory(&noos_engine), address, length)

#define NOOS_RANGE(address, length) LIBOS_RANGE(address, length)
#define NOOS_PLATFORM_SHIMS
#include "noos_platform.h"

struct Z_bridge_instance_t;

void Z_bridgeZ_engine_read(struct Z_bridge_instance_t *bridge, u32 bytes, u32 engine_address, u32 length) {
  (void)bridge;
  memcpy(LIBOS_RANGE(bytes, length), ENGINE_RANGE(engine_address, length), length);
}

void Z_bridgeZ_engine_write(struct Z_bridge_instance_t *bridge, u32 engine_address, u32 bytes, u32 length) {
  (void)bridge;
  memcpy(ENGINE_RANGE(engine_address, length), LIBOS_RANGE(bytes, length), length);
}

u32 Z_bridgeZ_engine_load_u32(struct Z_bridge_instance_t *bridge, u32 engine_address) {
  (void)bridge;
  u32 value;
  memcpy(&value, ENGINE_RANGE(engine_address, 4), 4);
  return value;
}

void Z_bridgeZ_engine_store_u32(struct Z_bridge_instance_t *bridge, u32 engine_address, u32 value) {
  (void)bridge;
  memcpy(ENGINE_RANGE(engine_address, 4), &value, 4);
}

u64 Z_bridgeZ_engine_load_u64(struct Z_bridge_instance_t *bridge, u32 engine_address) {
  (void)bridge;
  u64 value;
  memcpy(&value, ENGINE_RANGE(engine_address, 8), 8);
  return value;
}

void Z_bridgeZ_engine_store_u64(struct Z_bridge_instance_t *bridge, u32 engine_address, u64 value) {
  (void)bridge;
  memcpy(ENGINE_RANGE(engine_address, 8), &value, 8);
}

bool noos_parameters_add(const char *text, uint32_t length) {
  if (length == 0) return true;
  bool ended = text[length - 1] == '\n';
  if (length + !ended > sizeof parameters - parameters_length) return false;
  memcpy(parameters + parameters_length, text, length);
  parameters_length += length;
  if (!ended) parameters[parameters_length++] = '\n';
  return true;
}

uint64_t noos_parameter_number(const char *key, uint64_t otherwise) {
  uint32_t key_length = 0;
  while (key[key_length] != '\0') key_length++;
  for (uint32_t line = 0, end; line < parameters_length; line = end + 1) {
    for (end = line; parameters[end] != '\n';) end++;
    if (end - line <= key_length || parameters[line + key_length] != '=') continue;
    if (memcmp(parameters + line, key, key_length) != 0) continue;
    otherwise = 0;
    /* Ten digits hold every u32, which is what libos reads. */
    for (uint32_t at = line + key_length + 1; at < end && at < line + key_length + 11; at++)
      if (parameters[at] >= '0' && parameters[at] <= '9') otherwise = otherwise * 10 + (uint64_t)(parameters[at] - '0');
  }
  return otherwise;
}

uint32_t noos_parameters_read(uint8_t *destination, uint32_t capacity) {
  if (capacity >= parameters_length) memcpy(destination, parameters, parameters_length);
  return parameters_length;
}

void noos_exit(uint32_t code) { exit_code = (int)(code & 0xff); }

int noos_exit_code(void) { return exit_code; }

/* Places the packed pages of one memory where its runs say. */
static bool place_pages(const struct noos_section *pages, const struct noos_section *runs, uint64_t base) {
  uint64_t offset = pages->offset;
  for (uint64_t i = 0; i < runs->length; i += 8) {
    uint32_t run[2];
    memcpy(run, runs->bytes + i, sizeof run);
    uint64_t bytes = (uint64_t)run[1] * NOOS_IMAGE_PAGE_BYTES;
    if (bytes > 0 && !noos_pages_place((uint8_t *)(base + (uint64_t)run[0] * NOOS_IMAGE_PAGE_BYTES), offset, bytes))
      return false;
    offset += bytes;
  }
  return true;
}

const char *noos_unikernel_restore(const struct noos_image *image) {
  const struct noos_section *engine = &image->sections[NOOS_IMAGE_SECTION_ENGINE_GLOBALS];
  const struct noos_section *libos = &image->sections[NOOS_IMAGE_SECTION_LIBOS_GLOBALS];
  noos_wasm_rt_next_memory(NOOS_ENGINE_BASE, (uint32_t)engine[1].value);
  noos_engine_instantiate();
  noos_wasm_rt_next_memory(NOOS_LIBOS_BASE, (uint32_t)libos[1].value);
  noos_libos_instantiate();
  if (!place_pages(&engine[1], &engine[2], NOOS_ENGINE_BASE) || !place_pages(&libos[1], &libos[2], NOOS_LIBOS_BASE))
    return "the image's memory could not be mapped";
  noos_engine_restore_globals(engine->bytes);
  noos_libos_restore_globals(libos->bytes);
  return NULL;
}

uint64_t noos_unikernel_start(uint64_t now_monotonic_ns, uint64_t now_wall_ns) {
  return Z_libosZ_start(&noos_libos, now_monotonic_ns, now_wall_ns);
}

uint64_t noos_unikernel_turn(uint64_t now_monotonic_ns, uint64_t now_wall_ns, uint32_t events) {
  return Z_libosZ_turn(&noos_libos, now_monotonic_ns, now_wall_ns, events);
}

const char *noos_memory_name(uint64_t address) {
  if (address - NOOS_ENGINE_BASE < NOOS_RESERVATION_BYTES) return "engine memory";
  if (address - NOOS_LIBOS_BASE < NOOS_RESERVATION_BYTES) return "libos memory";
  return NULL;
}
