/* In: PVH's hvm_start_info (Xen include/public/arch-x86/hvm/start_info.h) in physical memory. Out: start_information. */
#include "vm.h"

struct start_info {
  uint32_t magic, version, flags, module_count;
  uint64_t modules, command_line, rsdp, memory_map;
  uint32_t memory_map_count, reserved;
};
struct module {
  uint64_t address, size, command_line, reserved;
};
struct memory_map_entry {
  uint64_t address, size;
  uint32_t type, reserved;
};
#define START_MAGIC 0x336ec578u
#define MEMORY_TYPE_RAM 1
/* Firmware, loader and legacy devices live below; never touched. */
#define LOW_MEMORY_BYTES 0x100000ull
/* What the boot page tables reach. */
#define REACHABLE_BYTES 0x100000000ull

struct start_information start_information;

void start_information_read(uint64_t physical) {
  const struct start_info *info = (const struct start_info *)physical;
  if (info->magic != START_MAGIC) panic("not started by a PVH loader (wrong magic in hvm_start_info)");
  if (info->version < 1 || info->memory_map_count == 0) panic("the loader passed no memory map (PVH version 1 needed)");
  const struct memory_map_entry *map = (const struct memory_map_entry *)info->memory_map;
  for (uint32_t i = 0; i < info->memory_map_count && start_information.ram_count < VM_RANGES_MAX; i++) {
    if (map[i].type != MEMORY_TYPE_RAM) continue;
    uint64_t start = (map[i].address + VM_PAGE_BYTES - 1) & ~(uint64_t)(VM_PAGE_BYTES - 1);
    uint64_t end = (map[i].address + map[i].size) & ~(uint64_t)(VM_PAGE_BYTES - 1);
    if (start < LOW_MEMORY_BYTES) start = LOW_MEMORY_BYTES;
    if (start < end) start_information.ram[start_information.ram_count++] = (struct memory_range){start, end};
  }
  if (info->module_count > 0) {
    const struct module *module = (const struct module *)info->modules;
    if (module->address % VM_PAGE_BYTES != 0 || module->address + module->size > REACHABLE_BYTES)
      panic("the image must start on a page below 4 GiB");
    start_information.image = (struct memory_range){module->address, module->address + module->size};
  }
  if (info->command_line != 0) {
    const char *line = (const char *)info->command_line;
    size_t length = text_length(line);
    if (length >= VM_COMMAND_LINE_BYTES) panic("command line too long");
    memcpy(start_information.command_line, line, length);
  }
}

bool option_next(uint32_t *position, struct option *option) {
  const char *line = start_information.command_line;
  uint32_t at = *position;
  for (;;) {
    while (line[at] == ' ') at++;
    if (line[at] == 0) return false;
    uint32_t start = at, equals = 0;
    for (; line[at] != 0 && line[at] != ' '; at++)
      if (line[at] == '=' && equals == 0) equals = at;
    if (equals == 0) continue;
    *option = (struct option){&line[start], &line[equals + 1], equals - start, at - equals - 1};
    *position = at;
    return true;
  }
}
