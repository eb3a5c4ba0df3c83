/* The virtual address map of the `vm` target. Physical addresses below 4 GiB are mapped one to one only while booting.
 *
 *   0x0000_0000_0020_0000  text R-X, rodata R--, data RW-, where the loader put them
 *   NOOS_ENGINE_BASE       engine's linear memory, NOOS_RESERVATION_BYTES, unmapped above its size
 *   NOOS_LIBOS_BASE        libos's linear memory, likewise
 *   0x0000_0300_0000_0000  stack: unmapped below, mapped on demand
 *   0xffff_8000_0000_0000  all RAM except the pages of text and rodata, RW-
 *   0xffff_9000_0000_0000  device registers, RW-, uncached
 */
#ifndef NOOS_VM_LAYOUT_H
#define NOOS_VM_LAYOUT_H

#define VM_LOAD_ADDRESS 0x200000
#define VM_STACK_BASE 0x30000000000ull
#define VM_DIRECT_MAP_BASE 0xffff800000000000ull
#define VM_DEVICE_BASE 0xffff900000000000ull

/* QuickJS's native recursion at its worst (docs/target-vm.md), with room to spare. */
#define VM_STACK_BYTES (16u << 20)
#define VM_PAGE_BYTES 4096u

/* Segment selectors and interrupt stack table slots. */
#define VM_CODE_SELECTOR 0x08
#define VM_DATA_SELECTOR 0x10
#define VM_TASK_SELECTOR 0x18
#define VM_FAULT_STACK 1

/* Interrupt vectors: exceptions below 32, then the timer, one per I/O APIC input, and the spurious one. */
#define VM_VECTOR_TIMER 32
#define VM_VECTOR_DEVICE 33
#define VM_DEVICE_VECTORS 48
#define VM_VECTOR_COUNT (VM_VECTOR_DEVICE + VM_DEVICE_VECTORS)
#define VM_VECTOR_SPURIOUS 0xff

#endif
