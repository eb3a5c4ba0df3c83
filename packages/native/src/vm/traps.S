/* One stub per vector: pushes a zero where the processor pushes no error code, the vector, all general registers, and
 * calls vm_trap(struct trap_frame *). Interrupts stay off throughout. */
#include "layout.h"

  .text
  .globl vm_trap_stubs
vm_trap_stubs:
  .set vector, 0
  .rept VM_VECTOR_COUNT
  .balign 16
  /* Exceptions with an error code (Intel SDM volume 3, table 6-1). */
  .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
  .else
  pushq $0
  .endif
  pushq $vector
  jmp trap_common
  .set vector, vector + 1
  .endr

trap_common:
  pushq %rax
  pushq %rbx
  pushq %rcx
  pushq %rdx
  pushq %rsi
  pushq %rdi
  pushq %rbp
  pushq %r8
  pushq %r9
  pushq %r10
  pushq %r11
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  cld
  movq %rsp, %rdi
  call vm_trap
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %r11
  popq %r10
  popq %r9
  popq %r8
  popq %rbp
  popq %rdi
  popq %rsi
  popq %rdx
  popq %rcx
  popq %rbx
  popq %rax
  addq $16, %rsp
  iretq

/* The spurious interrupt is not acknowledged (Intel SDM volume 3, 11.9). */
  .balign 16
  .globl vm_trap_spurious
vm_trap_spurious:
  iretq
