/* From the first 64-bit instruction to the guest: what the loader said, rights, traps, clock, devices. In: PVH start
 * information. Out: guest_main on its own stack. */
#include "cpu.h"
#include "virtio.h"
#include "vm.h"

static void attach(struct virtio_device *device) {
  switch (device->kind) {
    case VIRTIO_NET: net_attach(device); break;
    case VIRTIO_BLOCK: block_attach(device); break;
    case VIRTIO_CONSOLE: console_attach(device); break;
    case VIRTIO_ENTROPY: entropy_attach(device); break;
    default: break;
  }
}

static void boot_on_stack(void) {
  virtio_discover(attach);
  entropy_seed();
  clock_calibrate();
  guest_main();
}

_Noreturn void vm_run_on_stack(void (*function)(void), void *top);

_Noreturn void vm_boot(uint32_t start_information_address) {
  entry_tsc = timestamp();
  traps_initialise();
  start_information_read(start_information_address);
  memory_initialise();
  interrupts_initialise();
  clock_initialise();
  if (!region_resize(VM_REGION_STACK, VM_STACK_BYTES)) panic("not enough memory for the stack: give the machine more");
  vm_run_on_stack(boot_on_stack, (void *)(VM_STACK_BASE + VM_STACK_BYTES));
}
