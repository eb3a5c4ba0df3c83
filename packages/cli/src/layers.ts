/**
 * The layers of the stack that a service in a container stands on, and which of them are left in an image.
 *
 * In: a manifest, sizes of files. Out: rows. May import: nothing.
 */
import type { Manifest } from '@noos/image/file';

/** One side of a row: what does the layer's work, and its size where it is known. */
export interface Side {
  what: string;
  bytes: number | undefined;
}

export interface Layer {
  layer: string;
  /** Undefined: nothing is left of it. */
  image: Side | undefined;
  container: Side;
}

/** Sizes of the parts of a container's stack, measured where this runs; undefined: not installed here. */
export interface HostSizes {
  /** The node executable. */
  node: number | undefined;
  /** The shared libraries it maps. */
  sharedLibraries: number | undefined;
  /** dockerd, containerd, its shim, runc. */
  containerRuntime: number | undefined;
  /** Kernel and modules. */
  kernel: number | undefined;
}

/** From the top of the stack to the bottom. `nativeBytes`: of a native runtime, which all images share. */
export function layersOf(manifest: Manifest, nativeBytes: number | undefined, host: HostSizes): Layer[] {
  const bundled = (wanted: (name: string) => boolean): number =>
    manifest.bundle.filter(({ name }) => wanted(name)).reduce((sum, { bytes }) => sum + bytes, 0);
  const part = (name: string): number => manifest.parts.find((one) => one.name === name)?.bytes ?? 0;
  const application = bundled((name) => name === 'app' || name.startsWith('npm/'));
  return [
    {
      layer: 'configuration',
      image: { what: 'compiled in, read-only', bytes: part('parameters') },
      container: { what: 'environment, files, orchestrator', bytes: undefined },
    },
    {
      layer: 'application',
      image: { what: 'evaluated, in the snapshot', bytes: application },
      container: { what: 'the same sources', bytes: application },
    },
    {
      layer: 'runtime',
      image: { what: 'engine memory, application included', bytes: part('engine memory') },
      container: { what: 'node', bytes: host.node },
    },
    {
      layer: 'shared libraries',
      image: undefined,
      container: { what: 'libc, libstdc++, … and the rest of a userland', bytes: host.sharedLibraries },
    },
    {
      layer: 'container runtime',
      image: undefined,
      container: { what: 'dockerd, containerd, shim, runc', bytes: host.containerRuntime },
    },
    {
      layer: 'OS processes',
      image: undefined,
      container: { what: 'init, udev, logging, …', bytes: undefined },
    },
    {
      layer: 'kernel',
      image: {
        what: 'library OS memory, and native code (vm)',
        bytes: sum(part('libos memory'), nativeBytes),
      },
      container: { what: 'Linux and its modules', bytes: host.kernel },
    },
    {
      layer: 'virtual drivers',
      image: { what: 'network, console, clock, randomness (in native code)', bytes: undefined },
      container: { what: 'veth, bridge, netfilter, overlayfs (in Linux)', bytes: undefined },
    },
    {
      layer: 'hypervisor',
      image: { what: 'QEMU or Firecracker, on target vm only', bytes: undefined },
      container: { what: 'usually one below', bytes: undefined },
    },
  ];
}

const sum = (one: number, other: number | undefined): number => one + (other ?? 0);
