/* The part of the wasm runtime that common code calls besides wasm2c's own interface (wasm-rt.h). */
#ifndef NOOS_WASM_RT_H
#define NOOS_WASM_RT_H

#include <stdint.h>

/* Base and size in wasm pages of the memory that the next instantiation allocates. */
void noos_wasm_rt_next_memory(uint64_t base, uint32_t pages);

#endif
