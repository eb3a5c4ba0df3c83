/**
 * The platform interface: the only door between a unikernel and the outside.
 *
 * In: nothing. Out: the specification from which `generate.ts` writes the TypeScript, AssemblyScript and C
 * views in `generated/`. May import: nothing.
 *
 * Contract. The platform drives and the unikernel never blocks. The platform restores (or creates) the
 * unikernel's memory, calls `start` once and then `turn` whenever an event is pending or the deadline that the
 * last call returned has come. Imports may be called only from inside `start` and `turn` (and `panic` and
 * `console_write` from `evaluate`). Every value that an import returns or writes, every argument of `start` and
 * `turn`, and nothing else, is an input: the same inputs in the same order give the same outputs. A recording
 * is the log of them.
 */

/** How a parameter crosses: a scalar, or the start of a byte range whose length is the parameter `length`. */
export type ParameterType =
  | { kind: 'u32' }
  | { kind: 'u64' }
  /** The platform reads `length` bytes of unikernel memory. */
  | { kind: 'source'; length: string }
  /** The platform writes at most `length` bytes of unikernel memory. */
  | { kind: 'destination'; length: string };

export interface Parameter {
  name: string;
  type: ParameterType;
}

export interface PlatformFunction {
  name: string;
  doc: string;
  parameters: Parameter[];
  result: 'void' | 'u32' | 'u64';
}

const u32 = (name: string): Parameter => ({ name, type: { kind: 'u32' } });
const u64 = (name: string): Parameter => ({ name, type: { kind: 'u64' } });
const source = (name: string, length: string): Parameter => ({ name, type: { kind: 'source', length } });
const destination = (name: string, length: string): Parameter => ({
  name,
  type: { kind: 'destination', length },
});

/** Version of this interface; an image names the one it was built for. */
export const abiVersion = 2;

/** Functions that the platform provides (wasm import module `platform`). */
export const platformImports: PlatformFunction[] = [
  {
    name: 'parameters_read',
    doc: 'Copies the start parameters (UTF-8, one `key=value` per line, see docs/platform-interface.md) and returns their whole length in bytes; copies nothing when `capacity` is smaller. Only during `start`.',
    parameters: [destination('parameters', 'capacity'), u32('capacity')],
    result: 'u32',
  },
  {
    name: 'net_receive',
    doc: 'Takes the next received frame of `device`: a 12-byte virtio_net_hdr (virtio 1.2 §5.1.6) followed by the Ethernet frame without FCS. Returns the bytes written, 0 when none is waiting. A frame longer than `capacity` is dropped by the platform.',
    parameters: [u32('device'), destination('frame', 'capacity'), u32('capacity')],
    result: 'u32',
  },
  {
    name: 'net_transmit',
    doc: 'Hands one frame (virtio_net_hdr first) to `device`. Returns 1 when taken, 0 when the queue is full: `transmitReady` follows in a later turn. Offload fields may be used only as far as `net.N.features` offers.',
    parameters: [u32('device'), source('frame', 'length'), u32('length')],
    result: 'u32',
  },
  {
    name: 'block_submit',
    doc: 'Starts `operation` (0 read, 1 write, 2 flush) on `device` at 512-byte sector `sector`. `data` holds the bytes of a write (length 0 otherwise); a read asks for `sectors` sectors. Returns 0, or 1 queue full, 2 no such device, 3 out of range, 4 read-only. `blockReady` follows.',
    parameters: [
      u32('device'),
      u32('operation'),
      u32('identifier'),
      u64('sector'),
      u32('sectors'),
      source('data', 'length'),
      u32('length'),
    ],
    result: 'u32',
  },
  {
    name: 'block_complete',
    doc: 'Takes the next completion of `device`: copies what a read returned and returns identifier | status << 32 (status 0 done, 1 I/O error), or 2^64-1 when none is waiting.',
    parameters: [u32('device'), destination('data', 'capacity'), u32('capacity')],
    result: 'u64',
  },
  {
    name: 'console_write',
    doc: 'Writes bytes to the console; `stream` is 1 (output) or 2 (error).',
    parameters: [u32('stream'), source('text', 'length'), u32('length')],
    result: 'void',
  },
  {
    name: 'entropy_read',
    doc: 'Fills the range with random bytes fit for keys.',
    parameters: [destination('bytes', 'length'), u32('length')],
    result: 'void',
  },
  {
    name: 'memory_release',
    doc: 'The range of libos memory is not needed: every byte of it reads as 0 from now on, and the platform may take its pages back until they are written again.',
    parameters: [destination('pages', 'length'), u32('length')],
    result: 'void',
  },
  {
    name: 'exit',
    doc: 'Asks the platform to end the unikernel with `code` (0 to 255) once the current call returns.',
    parameters: [u32('code')],
    result: 'void',
  },
  {
    name: 'panic',
    doc: 'Prints the message and ends the unikernel at once with exit code 134; does not return.',
    parameters: [source('message', 'length'), u32('length')],
    result: 'void',
  },
];

/** Functions that the unikernel provides (exports of libos.wasm). */
export const unikernelExports: PlatformFunction[] = [
  {
    name: 'allocate',
    doc: 'Build time: returns the address of `length` bytes in libos memory for the caller to fill.',
    parameters: [u32('length')],
    result: 'u32',
  },
  {
    name: 'evaluate',
    doc: 'Build time: creates the JavaScript engine and evaluates the bundle (`length` bytes of UTF-8 at `address`, a NUL after them). Returns 0, or 1 when it threw: the error has been written to the console.',
    parameters: [u32('address'), u32('length')],
    result: 'u32',
  },
  {
    name: 'evaluate_at_start',
    doc: 'Build time, instead of `evaluate`: creates the JavaScript engine and keeps the bundle; `start` evaluates it, with I/O, timers and randomness at hand.',
    parameters: [u32('address'), u32('length')],
    result: 'void',
  },
  {
    name: 'start',
    doc: 'First call after the memory has been restored: reads parameters, draws seeds, configures devices, starts the application. Returns the first deadline like `turn`.',
    parameters: [u64('nowMonotonicNs'), u64('nowWallNs')],
    result: 'u64',
  },
  {
    name: 'turn',
    doc: 'One turn. `events` is a set of turn event bits. Returns the monotonic time in nanoseconds of the next deadline, or 2^64-1 for none.',
    parameters: [u64('nowMonotonicNs'), u64('nowWallNs'), u32('events')],
    result: 'u64',
  },
];

/** Bits of the `events` argument of `turn`. */
export const turnEvents = {
  /** Frames are waiting in `net_receive`. */
  receiveReady: 1,
  /** `net_transmit` takes frames again after it refused one. */
  transmitReady: 2,
  /** A completion is waiting in `block_complete`. */
  blockReady: 4,
  /** The platform was asked to stop (SIGTERM, Ctrl-C, power button): finish and call `exit`. */
  stop: 8,
} as const;

/** Bits of `net.N.features`, numbered as in virtio 1.2 §5.1.3. */
export const netFeatures = {
  /** The device completes a partial checksum on transmit (VIRTIO_NET_F_CSUM). */
  csum: 1 << 0,
  /** The unikernel may receive frames with a partial checksum (VIRTIO_NET_F_GUEST_CSUM). */
  guestCsum: 1 << 1,
  /** The unikernel may receive GSO frames of TCP over IPv4 (VIRTIO_NET_F_GUEST_TSO4). */
  guestTso4: 1 << 7,
  /** The device segments TCP over IPv4 on transmit (VIRTIO_NET_F_HOST_TSO4). */
  hostTso4: 1 << 11,
} as const;

/**
 * What libos and engine need of each other beyond calls: copies between their two linear memories (wasm import
 * module `bridge`). Inside the unikernel, not part of the door: nothing here is an input.
 */
export const bridgeImports: PlatformFunction[] = [
  {
    name: 'engine_read',
    doc: 'Copies `length` bytes of engine memory at `engineAddress` into libos memory.',
    parameters: [destination('bytes', 'length'), u32('engineAddress'), u32('length')],
    result: 'void',
  },
  {
    name: 'engine_write',
    doc: 'Copies `length` bytes of libos memory into engine memory at `engineAddress`.',
    parameters: [u32('engineAddress'), source('bytes', 'length'), u32('length')],
    result: 'void',
  },
  {
    name: 'engine_load_u32',
    doc: 'Loads four bytes, little-endian, of engine memory.',
    parameters: [u32('engineAddress')],
    result: 'u32',
  },
  {
    name: 'engine_store_u32',
    doc: 'Stores four bytes, little-endian, in engine memory.',
    parameters: [u32('engineAddress'), u32('value')],
    result: 'void',
  },
  {
    name: 'engine_load_u64',
    doc: 'Loads eight bytes, little-endian, of engine memory (a JSValue of an argument vector).',
    parameters: [u32('engineAddress')],
    result: 'u64',
  },
  {
    name: 'engine_store_u64',
    doc: 'Stores eight bytes, little-endian, in engine memory.',
    parameters: [u32('engineAddress'), u64('value')],
    result: 'void',
  },
];
