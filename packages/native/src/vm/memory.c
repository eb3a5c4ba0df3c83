/* Physical pages and page tables. In: the memory map. Out: a direct map of RAM, W^X rights on our own segments, regions
 * whose pages appear when touched and go when released, device registers. */
#include "cpu.h"
#include "vm.h"

#define PRESENT 1ull
#define WRITABLE 2ull
#define UNCACHED 0x18ull /* PCD, PWT */
#define LARGE 0x80ull
#define GLOBAL 0x100ull
#define NO_EXECUTE (1ull << 63)
#define ADDRESS_MASK 0x000ffffffffff000ull
#define LARGE_BYTES 0x200000ull
/* Page fault error code (Intel SDM volume 3, 4.7). */
#define FAULT_PRESENT 1
#define FAULT_EXECUTE 16

extern char vm_text_start[], vm_text_end[], vm_rodata_end[], vm_image_end[];

static uint64_t root;            /* physical address of the top-level table */
static uint64_t direct_offset;   /* 0 while the boot tables are loaded */
static struct memory_range free_ranges[VM_RANGES_MAX * 3];
static uint32_t free_range_count;
static uint64_t free_bytes, promised_bytes;
/* Pages that regions gave back: the physical address of the first, which begins with that of the next; 0: none. */
static uint64_t released;

static struct region regions[] = {
    [VM_REGION_ENGINE] = {NOOS_ENGINE_BASE, 0, "engine memory"},
    [VM_REGION_LIBOS] = {NOOS_LIBOS_BASE, 0, "libos memory"},
    [VM_REGION_STACK] = {VM_STACK_BASE, 0, "stack"},
};
#define REGION_COUNT (sizeof regions / sizeof regions[0])

static uint64_t page_up(uint64_t value) { return (value + VM_PAGE_BYTES - 1) & ~(uint64_t)(VM_PAGE_BYTES - 1); }

/* Adds [start, end) without what overlaps holes[from...]. */
static void free_add(uint64_t start, uint64_t end, const struct memory_range *holes, uint32_t hole_count) {
  for (uint32_t i = 0; i < hole_count; i++) {
    if (holes[i].end <= start || holes[i].start >= end) continue;
    if (holes[i].start > start) free_add(start, holes[i].start, holes + i + 1, hole_count - i - 1);
    start = holes[i].end;
    if (start >= end) return;
  }
  free_ranges[free_range_count++] = (struct memory_range){start, end};
  free_bytes += end - start;
}

uint64_t pages_take(uint32_t count) {
  uint64_t bytes = (uint64_t)count * VM_PAGE_BYTES;
  for (uint32_t i = 0; i < free_range_count; i++) {
    if (free_ranges[i].end - free_ranges[i].start < bytes) continue;
    uint64_t start = free_ranges[i].start;
    free_ranges[i].start += bytes;
    free_bytes -= bytes;
    return start;
  }
  panic("out of memory: give the machine more (--memory)");
}

uint64_t memory_free_bytes(void) { return free_bytes < promised_bytes ? 0 : free_bytes - promised_bytes; }

/* Not memset: that may use SSE registers, which a fault's handler must leave alone. */
static uint64_t zeroed_page(void) {
  uint64_t page = released;
  if (page == 0) {
    page = pages_take(1);
  } else {
    released = *(uint64_t *)(page + direct_offset);
    free_bytes -= VM_PAGE_BYTES;
  }
  uint64_t *words = (uint64_t *)(page + direct_offset);
  for (uint32_t i = 0; i < VM_PAGE_BYTES / 8; i += 4) words[i] = words[i + 1] = words[i + 2] = words[i + 3] = 0;
  return page;
}

/* The entry that maps `address` at `level` (1: 4 KiB, 2: 2 MiB), with the tables above it. */
static uint64_t *table_entry(uint64_t address, uint32_t level) {
  uint64_t table = root;
  for (uint32_t at = 4;; at--) {
    uint64_t *entry = (uint64_t *)(table + direct_offset) + (address >> (12 + 9 * (at - 1)) & 511);
    if (at == level) return entry;
    if ((*entry & PRESENT) == 0) *entry = zeroed_page() | PRESENT | WRITABLE;
    table = *entry & ADDRESS_MASK;
  }
}

/* The entry of a page that is mapped, or NULL. */
static uint64_t *mapped_entry(uint64_t address) {
  uint64_t table = root;
  for (uint32_t at = 4;; at--) {
    uint64_t *entry = (uint64_t *)(table + direct_offset) + (address >> (12 + 9 * (at - 1)) & 511);
    if ((*entry & PRESENT) == 0) return NULL;
    if (at == 1) return entry;
    table = *entry & ADDRESS_MASK;
  }
}

static void map(uint64_t address, uint64_t start, uint64_t bytes, uint64_t rights) {
  for (uint64_t done = 0; done < bytes;) {
    bool large = ((address + done) | (start + done)) % LARGE_BYTES == 0 && bytes - done >= LARGE_BYTES;
    *table_entry(address + done, large ? 2 : 1) = (start + done) | rights | PRESENT | (large ? LARGE : 0);
    done += large ? LARGE_BYTES : VM_PAGE_BYTES;
  }
}

void memory_initialise(void) {
  uint64_t text = (uint64_t)vm_text_start, text_end = (uint64_t)vm_text_end, rodata_end = (uint64_t)vm_rodata_end;
  uint64_t end = (uint64_t)vm_image_end;
  struct memory_range image = start_information.image;
  image.end = page_up(image.end);
  struct memory_range holes[2] = {{text, end}, image};
  if (image.start < text) {
    holes[0] = image;
    holes[1] = (struct memory_range){text, end};
  }
  for (uint32_t i = 0; i < start_information.ram_count; i++)
    free_add(start_information.ram[i].start, start_information.ram[i].end, holes, 2);

  root = zeroed_page();
  map(text, text, text_end - text, GLOBAL);
  map(text_end, text_end, rodata_end - text_end, GLOBAL | NO_EXECUTE);
  map(rodata_end, rodata_end, end - rodata_end, GLOBAL | NO_EXECUTE | WRITABLE);
  /* The direct map leaves out text and rodata: they are writable under no address. */
  for (uint32_t i = 0; i < start_information.ram_count; i++) {
    struct memory_range range = start_information.ram[i];
    bool around = range.start <= text && rodata_end <= range.end;
    uint64_t below_end = around ? text : range.end;
    map(range.start + VM_DIRECT_MAP_BASE, range.start, below_end - range.start, GLOBAL | NO_EXECUTE | WRITABLE);
    if (around)
      map(rodata_end + VM_DIRECT_MAP_BASE, rodata_end, range.end - rodata_end, GLOBAL | NO_EXECUTE | WRITABLE);
  }
  page_table_load(root);
  direct_offset = VM_DIRECT_MAP_BASE;
}

void *pages_zeroed(uint32_t count) {
  void *pages = physical(pages_take(count));
  memset(pages, 0, (size_t)count * VM_PAGE_BYTES);
  return pages;
}

volatile void *device_map(uint64_t physical_start) {
  uint64_t page = physical_start & ~(uint64_t)(VM_PAGE_BYTES - 1);
  *table_entry(page + VM_DEVICE_BASE, 1) = page | PRESENT | WRITABLE | UNCACHED | NO_EXECUTE;
  return (volatile void *)(physical_start + VM_DEVICE_BASE);
}

/* RAM for a region's pages and the tables that map them: one page per 2 MiB, and three levels above. */
static uint64_t region_cost(uint64_t size) {
  return size == 0 ? 0 : size + ((size + LARGE_BYTES - 1) / LARGE_BYTES + 3) * VM_PAGE_BYTES;
}

bool region_resize(uint32_t region, uint64_t size) {
  uint64_t more = region_cost(size) - region_cost(regions[region].size);
  if (more > memory_free_bytes()) return false;
  promised_bytes += more;
  regions[region].size = size;
  return true;
}

static struct region *region_of(uint64_t address) {
  for (uint32_t i = 0; i < REGION_COUNT; i++)
    if (address - regions[i].base < NOOS_RESERVATION_BYTES) return &regions[i];
  return NULL;
}

bool region_extend(uint64_t address, uint64_t bytes) {
  struct region *region = region_of(address);
  if (region == NULL || address != region->base + region->size) return false;
  return region_resize((uint32_t)(region - regions), region->size + bytes);
}

void region_map(uint64_t address, uint64_t physical_start, uint64_t bytes) {
  for (uint64_t done = 0; done < bytes; done += VM_PAGE_BYTES) {
    uint64_t *entry = table_entry(address + done, 1);
    /* A module's start function may have touched the page before. */
    bool touched = (*entry & PRESENT) != 0;
    *entry = (physical_start + done) | PRESENT | WRITABLE | NO_EXECUTE;
    if (touched)
      page_forget(address + done);
    else
      promised_bytes -= VM_PAGE_BYTES;
  }
}

bool region_fault(uint64_t address, uint64_t error) {
  if ((error & (FAULT_PRESENT | FAULT_EXECUTE)) != 0) return false;
  const struct region *region = region_of(address);
  if (region == NULL || address - region->base >= region->size) return false;
  *table_entry(address, 1) = zeroed_page() | PRESENT | WRITABLE | NO_EXECUTE;
  promised_bytes -= VM_PAGE_BYTES;
  return true;
}

void region_release(uint64_t address, uint64_t bytes) {
  for (uint64_t page = address; page < address + bytes; page += VM_PAGE_BYTES) {
    uint64_t *entry = mapped_entry(page);
    if (entry == NULL) continue;
    uint64_t start = *entry & ADDRESS_MASK;
    *entry = 0;
    page_forget(page);
    *(uint64_t *)(start + direct_offset) = released;
    released = start;
    free_bytes += VM_PAGE_BYTES;
    promised_bytes += VM_PAGE_BYTES;
  }
}

const char *region_near(uint64_t address) {
  const struct region *region = region_of(address);
  if (region == NULL && VM_STACK_BASE - address < NOOS_RESERVATION_BYTES) region = &regions[VM_REGION_STACK];
  return region == NULL ? NULL : region->name;
}
