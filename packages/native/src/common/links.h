/*
 * What the build generates from the import and export sections of both modules (build/generated/links.c).
 *
 * May include: memory_map.h, wasm2c's headers.
 */
#ifndef NOOS_LINKS_H
#define NOOS_LINKS_H

#include <stdint.h>

#include "engine.h"
#include "libos.h"

extern Z_engine_instance_t noos_engine;
extern Z_libos_instance_t noos_libos;

/* SHA-256 of engine.wasm and libos.wasm, which an image names. */
extern const uint8_t noos_engine_digest[32];
extern const uint8_t noos_libos_digest[32];

/* Numbers of the mutable globals `g0`, `g1`, … */
extern const uint32_t noos_engine_global_count;
extern const uint32_t noos_libos_global_count;

/* Sets every mutable global from little-endian 64-bit values in export order. */
void noos_engine_restore_globals(const uint8_t *values);
void noos_libos_restore_globals(const uint8_t *values);

/* Instantiates a module without its data segments: an image holds the memory they made. */
void noos_engine_instantiate(void);
void noos_libos_instantiate(void);

#endif
