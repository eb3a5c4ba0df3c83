/* Interrupt descriptor table, task state segment, local APIC and I/O APIC. Exceptions other than a region's first
 * touch are panics. Interrupts are let in only while halted, so their handlers do nothing but acknowledge. */
#include "cpu.h"
#include "vm.h"

struct gate {
  uint16_t offset_low, selector;
  uint8_t stack, type;
  uint16_t offset_middle;
  uint32_t offset_high, reserved;
};
struct task_state {
  uint32_t reserved0;
  uint64_t stack[3];
  uint64_t reserved1;
  uint64_t interrupt_stack[7];
  uint64_t reserved2;
  uint16_t reserved3, io_map;
} __attribute__((packed));
struct __attribute__((packed)) table_pointer {
  uint16_t limit;
  uint64_t base;
};

#define GATE_INTERRUPT 0x8e
#define SEGMENT_TASK_AVAILABLE 0x89ull
#define VECTOR_PAGE_FAULT 14
#define FAULT_STACK_BYTES 16384

#define APIC_BASE_REGISTER 0x1b
#define APIC_BASE_ENABLED (1u << 11)
#define APIC_BASE_X2 (1u << 10)
#define LOCAL_SPURIOUS 0xf0
#define LOCAL_END_OF_INTERRUPT 0xb0
#define LOCAL_TIMER 0x320
#define LOCAL_LINT0 0x350
#define LOCAL_LINT1 0x360
#define LOCAL_TIMER_INITIAL 0x380
#define LOCAL_TIMER_CURRENT 0x390
#define LOCAL_TIMER_DIVIDE 0x3e0
#define LOCAL_MASKED (1u << 16)
#define DIVIDE_BY_16 3
#define IO_APIC_ADDRESS 0xfec00000ull
#define IO_APIC_2_ADDRESS 0xfec10000ull /* QEMU microvm with ioapic2=on: inputs 24 to 47 */
#define IO_APIC_INPUTS 24
#define IO_APIC_REDIRECTION 0x10
/* Mask everything on the two 8259s, should the machine have them. */
#define PIC_1_DATA 0x21
#define PIC_2_DATA 0xa1

extern uint64_t vm_gdt[];
extern char vm_trap_stubs[], vm_trap_spurious[];
#define STUB_BYTES 16

static struct gate gates[256] __attribute__((aligned(16)));
static struct task_state task_state;
static uint8_t fault_stack[FAULT_STACK_BYTES] __attribute__((aligned(16)));
static volatile uint32_t *local_apic;
void (*device_interrupt)(uint32_t input);

static void local_write(uint32_t offset, uint32_t value) { local_apic[offset / 4] = value; }

static void gate_set(uint32_t vector, const char *handler, uint8_t stack) {
  uint64_t address = (uint64_t)handler;
  gates[vector] = (struct gate){.offset_low = (uint16_t)address,
                                .selector = VM_CODE_SELECTOR,
                                .stack = stack,
                                .type = GATE_INTERRUPT,
                                .offset_middle = (uint16_t)(address >> 16),
                                .offset_high = (uint32_t)(address >> 32)};
}

void traps_initialise(void) {
  task_state.interrupt_stack[VM_FAULT_STACK - 1] = (uint64_t)(fault_stack + FAULT_STACK_BYTES);
  task_state.io_map = sizeof task_state;
  uint64_t base = (uint64_t)&task_state;
  vm_gdt[3] = (sizeof task_state - 1) | (base & 0xffffff) << 16 | SEGMENT_TASK_AVAILABLE << 40 | (base >> 24 & 0xff) << 56;
  vm_gdt[4] = base >> 32;
  __asm__ volatile("ltr %w0" : : "r"(VM_TASK_SELECTOR));
  for (uint32_t vector = 0; vector < VM_VECTOR_COUNT; vector++)
    gate_set(vector, vm_trap_stubs + vector * STUB_BYTES, vector < 32 ? VM_FAULT_STACK : 0);
  gate_set(VM_VECTOR_SPURIOUS, vm_trap_spurious, 0);
  struct table_pointer pointer = {sizeof gates - 1, (uint64_t)gates};
  __asm__ volatile("lidt %0" : : "m"(pointer));
}

void interrupts_initialise(void) {
  port_write8(PIC_1_DATA, 0xff);
  port_write8(PIC_2_DATA, 0xff);
  uint64_t base = model_register_read(APIC_BASE_REGISTER);
  if (base & APIC_BASE_X2) panic("local APIC in x2APIC mode: not supported");
  model_register_write(APIC_BASE_REGISTER, base | APIC_BASE_ENABLED);
  local_apic = device_map(base & 0xffffff000ull);
  local_write(LOCAL_SPURIOUS, VM_VECTOR_SPURIOUS | 0x100 /* software enable */);
  local_write(LOCAL_LINT0, LOCAL_MASKED);
  local_write(LOCAL_LINT1, LOCAL_MASKED);
  local_write(LOCAL_TIMER_DIVIDE, DIVIDE_BY_16);
  local_write(LOCAL_TIMER, VM_VECTOR_TIMER);
}

void interrupt_enable(uint32_t input) {
  if (input >= VM_DEVICE_VECTORS) panic("device interrupt beyond the I/O APICs");
  volatile uint32_t *select = device_map(input < IO_APIC_INPUTS ? IO_APIC_ADDRESS : IO_APIC_2_ADDRESS);
  volatile uint32_t *window = select + 4;
  uint32_t entry = IO_APIC_REDIRECTION + 2 * (input % IO_APIC_INPUTS);
  *select = entry + 1;
  *window = 0; /* to the processor with APIC identifier 0 */
  *select = entry;
  *window = VM_VECTOR_DEVICE + input; /* fixed, physical, high, edge, not masked */
}

void local_timer_set(uint32_t ticks) { local_write(LOCAL_TIMER_INITIAL, ticks); }
uint32_t local_timer_left(void) { return local_apic[LOCAL_TIMER_CURRENT / 4]; }

void vm_trap(struct trap_frame *frame) {
  if (frame->vector == VECTOR_PAGE_FAULT && region_fault(fault_address(), frame->error)) return;
  if (frame->vector < 32) panic_trap(frame);
  if (frame->vector >= VM_VECTOR_DEVICE && device_interrupt != NULL) device_interrupt((uint32_t)frame->vector - VM_VECTOR_DEVICE);
  local_write(LOCAL_END_OF_INTERRUPT, 0);
}
