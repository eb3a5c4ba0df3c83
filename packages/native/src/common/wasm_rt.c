/*
 * The runtime that wasm2c's output calls: memories at fixed bases, tables from a static pool, traps as faults.
 *
 * In: calls of generated code. Out: noos_memory_commit, noos_fault. May include: wasm-rt.h, unikernel.h.
 */
#include "wasm_rt.h"

#include <stdarg.h>
#include <stddef.h>

#include "unikernel.h"
#include "wasm-rt.h"

/* Signatures of both modules; a type's number is its index + 1. */
#define MAX_FUNCTION_TYPES 512u
/* Entries of all tables together. */
#define MAX_TABLE_ENTRIES 8192u

static uint64_t function_types[MAX_FUNCTION_TYPES];
static uint32_t function_type_count;
static wasm_rt_funcref_t table_entries[MAX_TABLE_ENTRIES];
static uint32_t table_entries_used;
static uint64_t next_base;
static uint32_t next_pages;

bool wasm_rt_is_initialized(void) { return true; }

void wasm_rt_trap(wasm_rt_trap_t code) {
  switch (code) {
    case WASM_RT_TRAP_OOB: noos_fault("access outside a memory or table");
    case WASM_RT_TRAP_INT_OVERFLOW: noos_fault("integer overflow in a division or truncation");
    case WASM_RT_TRAP_DIV_BY_ZERO: noos_fault("integer division by zero");
    case WASM_RT_TRAP_INVALID_CONVERSION: noos_fault("conversion of NaN to an integer");
    case WASM_RT_TRAP_UNREACHABLE: noos_fault("unreachable instruction");
    case WASM_RT_TRAP_CALL_INDIRECT: noos_fault("indirect call of a wrong type");
    default: noos_fault("trap");
  }
}

/* A signature as a number: its parameter count, then its types as digits of base 6 (wasm_rt_type_t has 6 values). */
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...) {
  if (params + results > 20) noos_fault("a function type has more than 20 parameters and results");
  uint64_t key = params * 21 + results;
  va_list types;
  va_start(types, results);
  for (uint32_t i = 0; i < params + results; i++) key = key * 6 + va_arg(types, wasm_rt_type_t);
  va_end(types);
  for (uint32_t i = 0; i < function_type_count; i++)
    if (function_types[i] == key) return i + 1;
  if (function_type_count == MAX_FUNCTION_TYPES) noos_fault("too many function types");
  function_types[function_type_count] = key;
  return ++function_type_count;
}

void noos_wasm_rt_next_memory(uint64_t base, uint32_t pages) {
  next_base = base;
  next_pages = pages;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t initial_pages, uint32_t max_pages) {
  if (next_pages < initial_pages) noos_fault("the image's memory is smaller than the module's");
  memory->data = (uint8_t *)next_base;
  memory->pages = next_pages;
  memory->max_pages = max_pages < NOOS_WASM_MAX_PAGES ? max_pages : NOOS_WASM_MAX_PAGES;
  memory->size = next_pages * NOOS_WASM_PAGE_BYTES;
  if (!noos_memory_commit(memory->data, memory->size)) noos_fault("not enough memory for the image");
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t pages) {
  uint32_t before = memory->pages;
  if (pages > memory->max_pages - before) return UINT32_MAX;
  if (pages > 0 && !noos_memory_commit(memory->data + memory->size, (uint64_t)pages * NOOS_WASM_PAGE_BYTES))
    return UINT32_MAX;
  memory->pages = before + pages;
  memory->size = memory->pages * NOOS_WASM_PAGE_BYTES;
  return before;
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements, uint32_t max_elements) {
  if (elements > MAX_TABLE_ENTRIES - table_entries_used) noos_fault("too many table entries");
  table->data = table_entries + table_entries_used;
  table->size = elements;
  table->max_size = max_elements;
  table_entries_used += elements;
}
