/* PVH entry (Xen docs/misc/pvh.pandoc): 32-bit protected mode, paging off, %ebx = physical address of hvm_start_info.
 * Clears bss, maps the first 4 GiB one to one with 2 MiB pages, enters long mode and calls vm_boot. */
#include "layout.h"

#define CR0_BITS 0x80010023 /* PG, WP, NE, MP, PE */
#define CR4_BITS 0x6a0      /* OSXMMEXCPT, OSFXSR, PGE, PAE */
#define EFER 0xc0000080
#define EFER_BITS 0x900 /* NXE, LME */

  .section .note.pvh, "a", @note
  .balign 4
  .long 4, 8, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
  .asciz "Xen"
  .quad vm_pvh_entry

  .section .text.boot, "ax", @progbits
  .code32
  .globl vm_pvh_entry
vm_pvh_entry:
  cli
  cld
  movl $vm_bss_start, %edi
  movl $vm_bss_end, %ecx
  subl %edi, %ecx
  shrl $2, %ecx
  xorl %eax, %eax
  rep stosl

  /* Boot page tables: one top entry, four directories of 2 MiB pages. */
  movl $boot_level3 + 3, boot_level4
  movl $boot_level2 + 3, %eax
  movl $boot_level3, %edi
  movl $4, %ecx
1: movl %eax, (%edi)
  addl $4096, %eax
  addl $8, %edi
  loop 1b
  movl $0x83, %eax /* present, writable, 2 MiB */
  movl $boot_level2, %edi
  movl $2048, %ecx
2: movl %eax, (%edi)
  addl $0x200000, %eax
  addl $8, %edi
  loop 2b

  movl $CR4_BITS, %eax
  movl %eax, %cr4
  movl $boot_level4, %eax
  movl %eax, %cr3
  movl $EFER, %ecx
  rdmsr
  orl $EFER_BITS, %eax
  wrmsr
  movl $CR0_BITS, %eax
  movl %eax, %cr0
  lgdt boot_gdt_pointer
  ljmp $VM_CODE_SELECTOR, $boot_64

  .code64
boot_64:
  movl $VM_DATA_SELECTOR, %eax
  movl %eax, %ds
  movl %eax, %es
  movl %eax, %ss
  xorl %eax, %eax
  movl %eax, %fs
  movl %eax, %gs
  movq $boot_stack_top, %rsp
  xorl %ebp, %ebp
  fninit
  movl %ebx, %edi
  call vm_boot
  ud2

/* noreturn void vm_run_on_stack(void (*function)(void), void *top) */
  .text
  .globl vm_run_on_stack
vm_run_on_stack:
  movq %rsi, %rsp
  xorl %ebp, %ebp
  call *%rdi
  ud2

  .data
  .balign 16
  .globl vm_gdt
vm_gdt:
  .quad 0
  .quad 0x00209b0000000000 /* code, 64-bit, accessed */
  .quad 0x0000930000000000 /* data, writable, accessed */
  .quad 0, 0               /* task state segment, filled in by vm_traps_initialise */
vm_gdt_end:
boot_gdt_pointer:
  .word vm_gdt_end - vm_gdt - 1
  .long vm_gdt
  .long 0

  .bss
  .balign 4096
boot_level4: .skip 4096
boot_level3: .skip 4096
boot_level2: .skip 4 * 4096
boot_stack: .skip 16384
boot_stack_top:
