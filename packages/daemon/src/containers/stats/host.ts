/**
 * What stats need of the host: CPU time of the whole machine, its memory, counters of network interfaces.
 *
 * In: texts of /proc. Out: numbers. May import: nothing.
 */
import { nsPerTick } from './control-groups.js';

export interface InterfaceStats {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}

/** /proc/stat: nanoseconds of all CPUs in all states (user to softirq and steal's predecessor), and how many CPUs. */
export function parseSystemCpu(text: string): { usageNs: number; cpus: number } {
  const lines = text.split('\n');
  const total =
    lines
      .find((line) => line.startsWith('cpu '))
      ?.trim()
      .split(/\s+/) ?? [];
  // moby daemon/stats_unix.go, readSystemCPUUsage: the first seven fields.
  const ticks = total.slice(1, 8).reduce((sum, field) => sum + Number(field), 0);
  return { usageNs: ticks * nsPerTick, cpus: lines.filter((line) => /^cpu\d/.test(line)).length };
}

/** /proc/meminfo: all memory of the machine, in bytes. */
export const parseMachineMemory = (text: string): number =>
  Number(/^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;

/** /proc/<pid>/net/dev: counters of the namespace's interfaces but the loopback one. */
export function parseInterfaces(text: string): Record<string, InterfaceStats> {
  const interfaces: Record<string, InterfaceStats> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (match === null || match[1] === 'lo') continue;
    const values = match[2]!.trim().split(/\s+/).map(Number);
    const value = (index: number) => values[index] ?? 0;
    interfaces[match[1]!] = {
      rx_bytes: value(0),
      rx_packets: value(1),
      rx_errors: value(2),
      rx_dropped: value(3),
      tx_bytes: value(8),
      tx_packets: value(9),
      tx_errors: value(10),
      tx_dropped: value(11),
    };
  }
  return interfaces;
}
