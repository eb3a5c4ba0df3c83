/* The last words of a unikernel that cannot continue, over the serial port, which needs nothing that may be broken. */
#include "cpu.h"
#include "vm.h"

#define SERIAL_PORT 0x3f8
#define SERIAL_LINE_STATUS (SERIAL_PORT + 5)
#define SERIAL_TRANSMITTER_EMPTY 0x20
#define SERIAL_ABSENT 0xff
/* A host that does not read must not hold up a machine that wants to stop. */
#define SERIAL_PATIENCE 100000
#define VECTOR_PAGE_FAULT 14
#define CALLERS_SHOWN 8
#define STACK_WORDS_SEARCHED 512

extern char vm_text_start[], vm_text_end[], vm_platform_text_start[], vm_libos_text_start[], vm_engine_text_start[];

static const char *const exception_names[32] = {
    "divide error", "debug", "non-maskable interrupt", "breakpoint", "overflow", "bound range", "invalid opcode",
    "device not available", "double fault", "coprocessor segment", "invalid task state", "segment not present",
    "stack segment", "general protection", "page fault", "reserved", "floating point", "alignment check",
    "machine check", "SIMD floating point", "virtualisation", "control protection"};

void early_write(const char *text, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    uint8_t status = 0;
    for (uint32_t waits = 0; waits < SERIAL_PATIENCE; waits++) {
      status = port_read8(SERIAL_LINE_STATUS);
      if (status & SERIAL_TRANSMITTER_EMPTY) break;
    }
    if (status == SERIAL_ABSENT) return;
    port_write8(SERIAL_PORT, (uint8_t)text[i]);
  }
}

void early_print(const char *text) { early_write(text, (uint32_t)text_length(text)); }

void early_number(uint64_t value) {
  char digits[20];
  uint32_t at = sizeof digits;
  do digits[--at] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  early_write(digits + at, sizeof digits - at);
}

void early_hexadecimal(uint64_t value) {
  char digits[18] = "0x";
  for (uint32_t i = 0; i < 16; i++) digits[2 + i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  early_write(digits, sizeof digits);
}

static bool is_code(uint64_t address) { return address >= (uint64_t)vm_text_start && address < (uint64_t)vm_text_end; }

/* Names a code address by the part it lies in; the parts lie one after another (link.ld). */
static void print_place(uint64_t address) {
  if (!is_code(address)) {
    early_hexadecimal(address);
    early_print(" (not code)");
    return;
  }
  bool engine = address >= (uint64_t)vm_engine_text_start, libos = !engine && address >= (uint64_t)vm_libos_text_start;
  early_print(engine ? "engine+" : libos ? "libos+" : "platform+");
  early_hexadecimal(address - (uint64_t)(engine ? vm_engine_text_start : libos ? vm_libos_text_start : vm_text_start));
  early_print(" (");
  early_hexadecimal(address);
  early_print(")");
}

/* Return addresses are not marked on the stack: every word that points into code behind a call is taken for one. */
static void print_callers(uint64_t stack_pointer) {
  uint64_t top = VM_STACK_BASE + VM_STACK_BYTES;
  if (stack_pointer < VM_STACK_BASE || stack_pointer >= top) return;
  uint32_t shown = 0;
  for (uint64_t at = stack_pointer & ~7ull; at < top && at < stack_pointer + STACK_WORDS_SEARCHED * 8 && shown < CALLERS_SHOWN;
       at += 8) {
    uint64_t word = *(const uint64_t *)at;
    if (!is_code(word)) continue;
    early_print("  from  ");
    print_place(word);
    early_print("\n");
    shown++;
  }
}

static void print_register(const char *name, uint64_t value) {
  early_print(name);
  early_hexadecimal(value);
}

_Noreturn void panic(const char *message) {
  early_print("noos: panic: ");
  early_print(message);
  early_print("\n  where ");
  print_place((uint64_t)__builtin_return_address(0));
  early_print("\n");
  print_callers((uint64_t)__builtin_frame_address(0));
  power_cut();
}

_Noreturn void panic_trap(const struct trap_frame *frame) {
  uint64_t address = fault_address();
  early_print("noos: panic: ");
  if (frame->vector == VECTOR_PAGE_FAULT) {
    const char *region = region_near(address);
    bool overflow = address >= VM_STACK_BASE - VM_STACK_BYTES && address < VM_STACK_BASE;
    if (overflow)
      early_print("stack overflow");
    else if (frame->error & 16)
      early_print("execution of data");
    else
      early_print(frame->error & 2 ? "forbidden write" : "forbidden read");
    early_print(" at ");
    early_hexadecimal(address);
    if (region != NULL && !overflow) {
      early_print(frame->error & 16 ? ", in " : ", outside ");
      early_print(region);
    }
  } else {
    early_print(exception_names[frame->vector] != NULL ? exception_names[frame->vector] : "exception");
  }
  early_print(" (vector ");
  early_number(frame->vector);
  early_print(", error ");
  early_number(frame->error);
  early_print(")\n  where ");
  print_place(frame->rip);
  early_print("\n");
  print_callers(frame->rsp);
  const uint64_t values[] = {frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi,
                             frame->rbp, frame->rsp, frame->r8,  frame->r9,  frame->r10, frame->r11,
                             frame->r12, frame->r13, frame->r14, frame->r15, frame->rip, frame->rflags};
  static const char names[][8] = {"  rax ", "  rbx ", "  rcx ", "  rdx ", "  rsi ", "  rdi ", "  rbp ", "  rsp ", "  r8  ",
                                  "  r9  ", "  r10 ", "  r11 ", "  r12 ", "  r13 ", "  r14 ", "  r15 ", "  rip ", "  flg "};
  for (uint32_t i = 0; i < sizeof values / sizeof values[0]; i++) {
    print_register(names[i], values[i]);
    if (i % 3 == 2) early_print("\n");
  }
  power_cut();
}
