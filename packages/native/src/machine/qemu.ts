/**
 * The command line of QEMU for the `vm` target: a `microvm` with the devices of docs/target-vm.md and nothing else.
 *
 * In: what the machine shall have. Out: an argument array (never a shell's string) and the meaning of the file
 * descriptors it inherits. May import: nothing.
 */

/** How one network device is attached. */
export type VmNet =
  /** Frames in QEMU's stream framing (32-bit big-endian length, frame) over an inherited socket. */
  | { kind: 'stream'; mac: string; mtuBytes?: number }
  /** An existing TAP interface of the host; offloads as far as it offers them. */
  | { kind: 'tap'; interface: string; mac: string; mtuBytes?: number };

export interface VmBlock {
  /** Path of a raw file or device. */
  path: string;
  readOnly?: boolean;
}

export type Accelerator = 'kvm' | 'tcg';

export interface MachineOptions {
  accelerator: Accelerator;
  /** Path of runtime-vm.elf. */
  runtime: string;
  /** Path of the image; a test's guest needs none. */
  image?: string;
  /** Whole memory of the machine in MiB. */
  memoryMib: number;
  /**
   * User and group that QEMU becomes once everything is open, in an empty root directory; given when it is started as
   * root. It keeps no capability.
   */
  runAs?: number;
  /** `key=value` words of the kernel command line; visible in the host's process list. */
  commandLine?: string[];
  nets?: VmNet[];
  blocks?: VmBlock[];
}

/** File descriptors that QEMU inherits, each one end of a socket pair; streams of networks follow from `nets`. */
export const descriptors = { output: 3, error: 4, control: 5, serial: 6, nets: 7 } as const;

/** microvm without ACPI has 8 virtio transports; the entropy device and the console take two. */
export const maxDevices = 6;

/** Nested KVM often refuses the register behind arch-capabilities, which tells of mitigations that we have none of. */
const processors = { kvm: 'max,-arch-capabilities', tcg: 'max' } as const;

/** A value inside QEMU's option syntax: commas are doubled. */
const quoted = (value: string): string => value.replaceAll(',', ',,');

/** Arguments for `qemu-system-x86_64` (7.2 or later); at most `maxDevices` networks and blocks together. */
export function qemuArguments(options: MachineOptions): string[] {
  const transports = Array.from({ length: 8 }, (_, index) => `bus=virtio-mmio-bus.${index}`);
  const device = (name: string, ...properties: string[]): string[] => [
    '-device',
    [name, transports.shift(), ...properties].join(','),
  ];
  const socket = (id: string, descriptor: number): string[] => [
    '-chardev',
    `socket,id=${id},fd=${descriptor}`,
  ];
  // QEMU 7.2's filter has no place for its own setuid but `allow`; no_new_privs and no capabilities are what remains.
  const elevate = options.runAs === undefined ? 'deny' : 'allow';
  let stream: number = descriptors.nets;
  const nets = (options.nets ?? []).flatMap((net, index) => {
    const id = `net${index}`;
    const backend =
      net.kind === 'stream'
        ? `stream,id=${id},server=off,addr.type=fd,addr.str=${stream++}`
        : `tap,id=${id},ifname=${quoted(net.interface)},script=no,downscript=no,vnet_hdr=on`;
    const mtu = net.mtuBytes === undefined ? [] : [`host_mtu=${net.mtuBytes}`];
    return ['-netdev', backend, ...device('virtio-net-device', `netdev=${id}`, `mac=${net.mac}`, ...mtu)];
  });
  const blocks = (options.blocks ?? []).flatMap((block, index) => {
    const id = `block${index}`;
    const readOnly = block.readOnly ? 'on' : 'off';
    return [
      '-drive',
      `if=none,id=${id},format=raw,read-only=${readOnly},file=${quoted(block.path)}`,
      ...device('virtio-blk-device', `drive=${id}`),
    ];
  });
  return [
    '-M',
    'microvm,acpi=off,pit=off,pic=off,rtc=on,isa-serial=on,auto-kernel-cmdline=on,x-option-roms=off',
    ...['-accel', options.accelerator, '-cpu', processors[options.accelerator], '-smp', '1'],
    ...['-m', `${options.memoryMib}`],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-sandbox', `on,obsolete=deny,elevateprivileges=${elevate},spawn=deny,resourcecontrol=deny`],
    // Descriptors' positions are all that this directory has.
    ...(options.runAs === undefined
      ? []
      : ['-runas', `${options.runAs}:${options.runAs}`, '-chroot', '/proc/self/fdinfo']),
    ...['-global', 'virtio-mmio.force-legacy=false'],
    ...['-kernel', options.runtime],
    ...(options.image === undefined ? [] : ['-initrd', options.image]),
    ...['-append', (options.commandLine ?? []).join(' ')],
    ...device('virtio-rng-device'),
    ...device('virtio-serial-device', 'max_ports=4'),
    ...socket('output', descriptors.output),
    ...['-device', 'virtconsole,chardev=output,nr=0'],
    ...socket('error', descriptors.error),
    ...['-device', 'virtserialport,chardev=error,nr=1,name=noos.error'],
    ...socket('control', descriptors.control),
    ...['-device', 'virtserialport,chardev=control,nr=2,name=noos.control'],
    ...socket('serial', descriptors.serial),
    ...['-serial', 'chardev:serial'],
    ...nets,
    ...blocks,
  ];
}
