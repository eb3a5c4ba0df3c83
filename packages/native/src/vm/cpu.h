/* Single instructions as functions. */
#ifndef NOOS_VM_CPU_H
#define NOOS_VM_CPU_H
#include <stdint.h>

static inline void port_write8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline uint8_t port_read8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
static inline uint64_t timestamp(void) {
  uint32_t low, high;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
  return (uint64_t)high << 32 | low;
}
static inline uint64_t model_register_read(uint32_t index) {
  uint32_t low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
  return (uint64_t)high << 32 | low;
}
static inline void model_register_write(uint32_t index, uint64_t value) {
  __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}
struct cpuid {
  uint32_t a, b, c, d;
};
static inline struct cpuid cpuid(uint32_t leaf) {
  struct cpuid r;
  __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
  return r;
}
static inline uint64_t fault_address(void) {
  uint64_t value;
  __asm__ volatile("movq %%cr2, %0" : "=r"(value));
  return value;
}
static inline void page_table_load(uint64_t physical) { __asm__ volatile("movq %0, %%cr3" : : "r"(physical) : "memory"); }
static inline void page_forget(uint64_t address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }
static inline void cpu_relax(void) { __asm__ volatile("pause" : : : "memory"); }
/* Lets interrupts in exactly while the processor is halted; returns after one was handled. */
static inline void halt_until_interrupt(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

#endif
