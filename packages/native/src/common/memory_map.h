/*
 * Where the two linear memories live: constants, so that compiled code needs no base register.
 *
 * The engine's base is below 2 GiB, so that base + offset fits the displacement of an x86 address. A wasm address
 * is 32 bits and its static offset at most 32 bits, so a reservation of 8 GiB catches every access outside. The
 * same map holds for the process (above the 1 GiB in which Linux randomises the heap of a static binary) and the
 * virtual machine (page tables of its own). May be included by: everything native, and by wasm2c's output.
 */
#ifndef NOOS_MEMORY_MAP_H
#define NOOS_MEMORY_MAP_H

#define NOOS_ENGINE_BASE 0x60000000ull
#define NOOS_LIBOS_BASE 0x1000000000ull
#define NOOS_RESERVATION_BYTES 0x200000000ull
#define NOOS_WASM_PAGE_BYTES 0x10000u
/* 65,536 pages would make a size of 2^32, which wasm2c's 32-bit `size` cannot hold. */
#define NOOS_WASM_MAX_PAGES 65535u

#endif
