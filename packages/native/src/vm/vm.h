/* What the files of the `vm` target offer one another. */
#ifndef NOOS_VM_H
#define NOOS_VM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h> /* memcpy and its kin: src/common/bytes.c; no other function of a libc is there */

#include "layout.h"
#include "memory_map.h"

static inline size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length] != 0) length++;
  return length;
}

/* What runs once processor, memory, clock and devices are ready, on the big stack: unikernel.c, or a test's guest. */
_Noreturn void guest_main(void);

/* start-info.c: what the loader hands over, copied out of low memory before anything else. */
struct memory_range {
  uint64_t start, end; /* physical, bytes */
};
#define VM_RANGES_MAX 16
#define VM_COMMAND_LINE_BYTES 8192
struct start_information {
  struct memory_range ram[VM_RANGES_MAX]; /* usable RAM above 1 MiB */
  uint32_t ram_count;
  struct memory_range image; /* first module; empty when there is none */
  char command_line[VM_COMMAND_LINE_BYTES];
};
extern struct start_information start_information;
void start_information_read(uint64_t physical);
/* Finds the next `key=value` of the command line that starts at or after *position; false at the end. A `%20` in the
 * value stands for a space (the other escapes are the reader's). */
struct option {
  const char *key, *value;
  uint32_t key_length, value_length;
};
bool option_next(uint32_t *position, struct option *option);

/* memory.c */
void memory_initialise(void);
/* `count` physically contiguous pages, not cleared; panics when there are none. */
uint64_t pages_take(uint32_t count);
/* Bytes that are neither taken nor promised. */
uint64_t memory_free_bytes(void);
static inline void *physical(uint64_t address) { return (void *)(address + VM_DIRECT_MAP_BASE); }
/* `count` contiguous zeroed pages in the direct map, for drivers. */
void *pages_zeroed(uint32_t count);
static inline uint64_t physical_address(const void *direct) { return (uint64_t)direct - VM_DIRECT_MAP_BASE; }
volatile void *device_map(uint64_t physical_start);

/* A range of addresses whose pages are zero and appear when touched. Its RAM is promised when it grows, so a touch
 * never fails. */
struct region {
  uint64_t base, size; /* bytes */
  const char *name;
};
#define VM_REGION_ENGINE 0
#define VM_REGION_LIBOS 1
#define VM_REGION_STACK 2
/* False when there is not enough RAM for `size` (a multiple of the page size, never less than now). */
bool region_resize(uint32_t region, uint64_t size);
/* Maps physical pages (of the image), writable, at an address of a region instead of fresh ones. */
void region_map(uint64_t address, uint64_t physical_start, uint64_t bytes);
/* Makes the region at `address` reach `bytes` further; `address` is its present end. */
bool region_extend(uint64_t address, uint64_t bytes);
/* True when the fault was the first touch of a region's page, which is now there. */
bool region_fault(uint64_t address, uint64_t error);
/* Takes back what backs whole pages of a region; touched again, they are zero. */
void region_release(uint64_t address, uint64_t bytes);
/* Name of the region whose address space holds `address`, or NULL. */
const char *region_near(uint64_t address);

/* traps.c */
struct trap_frame {
  uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
  uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
void traps_initialise(void);
void interrupts_initialise(void);
/* Routes an I/O APIC input to this processor, edge triggered. Its interrupt only ends `halt_until_interrupt`. */
void interrupt_enable(uint32_t input);
/* The local APIC's timer: counts down from `ticks` and interrupts once at 0; 0 stops it. */
void local_timer_set(uint32_t ticks);
uint32_t local_timer_left(void);
extern void (*device_interrupt)(uint32_t input);

/* clock.c */
void clock_initialise(void);
/* Ends the calibration that clock_initialise began. */
void clock_calibrate(void);
uint64_t clock_monotonic_ns(void);
uint64_t clock_wall_ns(void);
/* Halts until an interrupt or until `deadline_ns` (2^64-1: none). The caller has checked that nothing is pending. */
void clock_idle(uint64_t deadline_ns);
/* Time since the first instruction of vm_boot. */
extern uint64_t entry_tsc;
uint64_t clock_since_entry_ns(void);

/* panic.c */
_Noreturn void panic(const char *message);
_Noreturn void panic_trap(const struct trap_frame *frame);
void early_write(const char *text, uint32_t length);
void early_print(const char *text);
void early_number(uint64_t value);
void early_hexadecimal(uint64_t value);

/* power.c */
_Noreturn void power_off(uint32_t code);
_Noreturn void power_cut(void);

/* random.c */
void random_seed(const uint8_t seed[32]);
void random_read(uint8_t *bytes, uint32_t length);

#endif
