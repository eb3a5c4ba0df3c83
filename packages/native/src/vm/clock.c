/* Clocks from the time stamp counter, whose rate is found once: from kvmclock under KVM; under QEMU's TCG, whose local
 * APIC counts at 1 GHz, by comparing both over the boot. The wall clock comes from kvmclock or the CMOS clock. */
#include "cpu.h"
#include "vm.h"

#define NANOSECONDS 1000000000ull
#define NEVER UINT64_MAX
#define HYPERVISOR_LEAF 0x40000000u
#define HYPERVISOR_FEATURES 0x40000001u
#define KVM_CLOCKSOURCE2 (1u << 3)
/* Linux Documentation/virt/kvm/x86/msr.rst */
#define KVM_WALL_CLOCK 0x4b564d00u
#define KVM_SYSTEM_TIME 0x4b564d01u
/* QEMU and KVM run the local APIC's timer at 1 GHz; traps.c divides by 16. */
#define TIMER_HZ (NANOSECONDS / 16)
#define TIMER_MAX_TICKS 0xffffffffu
/* 16 ns resolution over this window bounds the error of the rate to 16 parts per million. */
#define CALIBRATION_MINIMUM_NS 1000000ull
#define RTC_INDEX 0x70
#define RTC_DATA 0x71

struct kvm_time {
  uint32_t version, pad0;
  uint64_t tsc_timestamp, system_time;
  uint32_t tsc_to_system_mul;
  int8_t tsc_shift;
  uint8_t flags, pad1[2];
};
struct kvm_wall {
  uint32_t version, seconds, nanoseconds;
};

static struct kvm_time kvm_time __attribute__((aligned(64)));
static struct kvm_wall kvm_wall __attribute__((aligned(64)));
static bool kvm;
static uint64_t origin_tsc;      /* monotonic zero */
static uint64_t ns_per_tick_q32; /* nanoseconds per tick << 32 */
static uint64_t wall_origin_ns;  /* wall clock at monotonic zero */
uint64_t entry_tsc;

/* `noos.clock` of the command line: the host's clock in milliseconds since 1970 when it started QEMU; 0 without one. */
static uint64_t host_clock_ns(void) {
  static const char key[] = "noos.clock";
  struct option option;
  uint32_t position = 0;
  uint64_t ms = 0;
  while (option_next(&position, &option)) {
    if (option.key_length != sizeof key - 1 || memcmp(option.key, key, sizeof key - 1) != 0) continue;
    for (uint32_t i = 0; i < option.value_length && option.value[i] >= '0' && option.value[i] <= '9'; i++)
      ms = ms * 10 + (uint64_t)(option.value[i] - '0');
  }
  return ms * (NANOSECONDS / 1000);
}

static bool hypervisor_is(const char *name) {
  struct cpuid id = cpuid(HYPERVISOR_LEAF);
  uint32_t words[3] = {id.b, id.c, id.d};
  return memcmp(words, name, 12) == 0;
}

static uint64_t scale(uint64_t ticks) { return (uint64_t)(((unsigned __int128)ticks * ns_per_tick_q32) >> 32); }

static uint8_t rtc_read(uint8_t index) {
  port_write8(RTC_INDEX, index);
  return port_read8(RTC_DATA);
}

static uint32_t from_bcd(uint8_t value, bool binary) { return binary ? value : value / 16u * 10u + value % 16u; }

/* Days from 1970-01-01 to a date of the Gregorian calendar, years from March (Hinnant, days_from_civil). */
static uint64_t days_since_epoch(uint32_t year, uint32_t month, uint32_t day) {
  uint32_t from_march = month > 2 ? month - 3 : month + 9;
  if (month <= 2) year--;
  uint32_t era = year / 400, of_era = year % 400;
  uint32_t day_of_year = (153 * from_march + 2) / 5 + day - 1;
  return (uint64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

/* Seconds since 1970 of the CMOS clock (MC146818, UTC). */
static uint64_t rtc_seconds(void) {
  uint8_t now[6], again[6];
  static const uint8_t registers[6] = {0, 2, 4, 7, 8, 9};
  do {
    for (uint32_t i = 0; i < 6; i++) now[i] = rtc_read(registers[i]);
    for (uint32_t i = 0; i < 6; i++) again[i] = rtc_read(registers[i]);
  } while (memcmp(now, again, sizeof now) != 0);
  bool binary = (rtc_read(11) & 4) != 0;
  uint32_t year = 2000 + from_bcd(now[5], binary);
  uint64_t days = days_since_epoch(year, from_bcd(now[4], binary), from_bcd(now[3], binary));
  return days * 86400 + from_bcd(now[2], binary) * 3600u + from_bcd(now[1], binary) * 60u + from_bcd(now[0], binary);
}

void clock_initialise(void) {
  if (hypervisor_is("KVMKVMKVM\0\0\0") && (cpuid(HYPERVISOR_FEATURES).a & KVM_CLOCKSOURCE2) != 0) {
    kvm = true;
    model_register_write(KVM_SYSTEM_TIME, (uint64_t)&kvm_time | 1);
    model_register_write(KVM_WALL_CLOCK, (uint64_t)&kvm_wall);
  } else if (!hypervisor_is("TCGTCGTCGTCG")) {
    panic("no known clock: neither KVM nor QEMU's TCG");
  }
  origin_tsc = timestamp();
  local_timer_set(TIMER_MAX_TICKS);
}

void clock_calibrate(void) {
  if (kvm) {
    model_register_write(KVM_SYSTEM_TIME, 0);
    uint64_t q32 = (uint64_t)kvm_time.tsc_to_system_mul;
    ns_per_tick_q32 = kvm_time.tsc_shift < 0 ? q32 >> -kvm_time.tsc_shift : q32 << kvm_time.tsc_shift;
    uint64_t system_ns = kvm_time.system_time + scale(origin_tsc - kvm_time.tsc_timestamp);
    wall_origin_ns = kvm_wall.seconds * NANOSECONDS + kvm_wall.nanoseconds + system_ns;
  } else {
    uint64_t best = UINT64_MAX, ticks = 0, elapsed_ns = 0;
    /* Of a few readings the one that was least disturbed. */
    for (uint32_t tries = 0; tries < 8 || elapsed_ns < CALIBRATION_MINIMUM_NS; tries++) {
      uint64_t before = timestamp();
      uint64_t passed = (uint64_t)(TIMER_MAX_TICKS - local_timer_left()) * (NANOSECONDS / TIMER_HZ);
      uint64_t after = timestamp();
      if (after - before > best && elapsed_ns >= CALIBRATION_MINIMUM_NS) continue;
      best = after - before;
      ticks = before + best / 2 - origin_tsc;
      elapsed_ns = passed;
    }
    /* The timer's 68 s fit 36 bits of nanoseconds. */
    ns_per_tick_q32 = (elapsed_ns << 28) / ticks << 4;
    wall_origin_ns = rtc_seconds() * NANOSECONDS - clock_monotonic_ns();
    /* QEMU's CMOS clock drops the part of a second in which it was started; its time stamp counter starts at 0 then. */
    uint64_t told_ns = host_clock_ns() + scale(origin_tsc);
    uint64_t least_ns = wall_origin_ns - NANOSECONDS, most_ns = wall_origin_ns + 2 * NANOSECONDS;
    if (told_ns > least_ns && told_ns < most_ns) wall_origin_ns = told_ns;
  }
  local_timer_set(0);
}

uint64_t clock_monotonic_ns(void) { return scale(timestamp() - origin_tsc); }
uint64_t clock_wall_ns(void) { return wall_origin_ns + clock_monotonic_ns(); }
uint64_t clock_since_entry_ns(void) { return scale(timestamp() - entry_tsc); }

void clock_idle(uint64_t deadline_ns) {
  if (deadline_ns != NEVER) {
    uint64_t now = clock_monotonic_ns();
    if (now >= deadline_ns) return;
    uint64_t wait_ns = deadline_ns - now, most_ns = (uint64_t)TIMER_MAX_TICKS * (NANOSECONDS / TIMER_HZ);
    /* Longer waits are cut; the caller idles again. */
    uint64_t ticks = (wait_ns < most_ns ? wait_ns : most_ns) / (NANOSECONDS / TIMER_HZ) + 1;
    local_timer_set((uint32_t)(ticks < TIMER_MAX_TICKS ? ticks : TIMER_MAX_TICKS));
  }
  halt_until_interrupt();
  local_timer_set(0);
}
